import type {ContractGroup} from '../suite.ts';
import {typedChanges} from './typed-changes.ts';
import {typedUpdate} from './typed-update.ts';
import {typedViews} from './typed.ts';

/** The cases of the recipes, a group for each. */
export const recipesContract: readonly ContractGroup[] = [typedViews, typedUpdate, typedChanges];
