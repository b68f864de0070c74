import type {ContractGroup} from '../suite.ts';
import {namespaces} from './namespace.ts';

/** The cases of the recipes, a group for each. */
export const recipesContract: readonly ContractGroup[] = [namespaces];
