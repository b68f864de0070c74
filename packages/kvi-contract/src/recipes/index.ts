import type {ContractGroup} from '../suite.ts';
import {orderOfUnits} from './atomically-order.ts';
import {unitsOfWork} from './atomically.ts';
import {discovery} from './discovery.ts';
import {elections, observedElections, workOfLeaders} from './election.ts';
import {namespaces} from './namespace.ts';
import {typedChanges} from './typed-changes.ts';
import {typedUpdate} from './typed-update.ts';
import {typedViews} from './typed.ts';

/** The cases of the recipes, a group for each. */
export const recipesContract: readonly ContractGroup[] = [
  namespaces,
  typedViews,
  typedUpdate,
  typedChanges,
  unitsOfWork,
  orderOfUnits,
  elections,
  observedElections,
  workOfLeaders,
  discovery,
];
