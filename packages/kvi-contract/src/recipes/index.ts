import type {ContractGroup} from '../suite.ts';
import {discovery} from './discovery.ts';

/** The cases of the recipes, a group for each. */
export const recipesContract: readonly ContractGroup[] = [discovery];
