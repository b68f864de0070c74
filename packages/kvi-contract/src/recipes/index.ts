import type {ContractGroup} from '../suite.ts';

/** The cases of the recipes, a group for each. */
export const recipesContract: readonly ContractGroup[] = [];
