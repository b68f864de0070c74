import type {Kvi} from 'kvi-core';
import {type Permit, type Semaphore, semaphore} from 'kvi-core/recipes';
import {eventually, soon} from '../kvi/helpers.ts';
import type {CaseContext} from '../suite.ts';

/** The semaphore of a case. */
export function permitsOf(kv: Kvi, {key}: Pick<CaseContext, 'key'>, permits: number): Semaphore {
  return semaphore(kv, key('s'), permits);
}

/** Acquires a permit, which has to come soon. */
export function acquireSoon(
  {acquire}: Pick<Semaphore, 'acquire'>,
  promise = 'a permit comes',
): Promise<Permit> {
  return soon(acquire(), promise);
}

/** Waits until this many hold a permit of the case's semaphore, or wait for one. */
export async function untilQueued(kv: Kvi, {key}: Pick<CaseContext, 'key'>, count: number): Promise<void> {
  await eventually(
    async () => (await kv.range({prefix: key('s/permits/')}, {countOnly: true})).count === count,
    `${String(count)} hold a permit or wait for one`,
  );
}
