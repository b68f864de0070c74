import type {ContractGroup} from '../suite.ts';
import {orderOfUnits} from './atomically-order.ts';
import {unitsOfWork} from './atomically.ts';
import {namespaces} from './namespace.ts';

/** The cases of the recipes, a group for each. */
export const recipesContract: readonly ContractGroup[] = [namespaces, unitsOfWork, orderOfUnits];
