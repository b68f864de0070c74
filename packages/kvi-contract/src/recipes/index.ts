import type {ContractGroup} from '../suite.ts';
import {orderOfUnits} from './atomically-order.ts';
import {unitsOfWork} from './atomically.ts';

/** The cases of the recipes, a group for each. */
export const recipesContract: readonly ContractGroup[] = [unitsOfWork, orderOfUnits];
