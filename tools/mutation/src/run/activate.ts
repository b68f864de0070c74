/** Loaded first: a mutant in code that runs at load time has to be active by then. */
import {workerData} from 'node:worker_threads';
import type {InstrumenterContext} from '@stryker-mutator/api/core';
import type {ThreadInput} from './thread-messages.ts';

const {mutant, isStatic, hitLimit} = workerData as ThreadInput;

/** What instrumented code reads. */
export const stryker: InstrumenterContext = {};
Object.assign(globalThis, {__stryker__: stryker});
if (hitLimit !== undefined) Object.assign(stryker, {hitCount: 0, hitLimit});
if (mutant !== undefined && isStatic) stryker.activeMutant = mutant;
