import assert from 'node:assert/strict';
import {createKvi, type Kvi} from 'kvi-core';
import {type Driver, isKviError} from 'kvi-core/driver';
import type {CaseContext} from '../suite.ts';
import {soon} from '../kvi/helpers.ts';

/**
 * Runs an operation again and again, and aborts it at each of its calls of the driver in turn: before the request is
 * sent, and when the answer is there. It has to fail with `KVI_ABORTED`, or with `KVI_UNKNOWN_OUTCOME` where a write was
 * under way, or to succeed because it was past the point.
 *
 * @param operation - gets a handle of its own, which is closed afterwards, and the signal to pass on
 * @param check - looks, after each run, whether anything was left behind; `failed` tells whether the run failed
 */
export async function abortEverywhere(
  {open}: Pick<CaseContext, 'open'>,
  operation: (kv: Kvi, signal: AbortSignal) => Promise<unknown>,
  check: (failed: boolean) => Promise<void>,
): Promise<void> {
  for (let at = 1; ; at += 1) {
    for (const moment of ['before', 'after'] as const) {
      const controller = new AbortController();
      const {driver, calls} = abortingAt(await open(), at, moment, controller);
      const kv = createKvi(driver);
      const where = `aborted ${moment} call ${String(at)}`;
      let failed = false;
      try {
        await soon(operation(kv, controller.signal), `${where}, it ends`);
      } catch (error) {
        failed = true;
        assert.ok(isKviError(error, 'KVI_ABORTED', 'KVI_UNKNOWN_OUTCOME'), `${where}: ${String(error)}`);
      } finally {
        await kv.close();
      }
      await check(failed);
      if (calls() < at) return;
    }
  }
}

/** The driver, and how many calls it has had. A watch is a call. */
function abortingAt(driver: Driver, at: number, moment: 'before' | 'after', controller: AbortController) {
  let count = 0;

  /** Whether this call is the one. Aborts now if it is to be aborted before. */
  function isTheOne(): boolean {
    count += 1;
    if (count === at && moment === 'before') controller.abort(new Error('the test aborts'));
    return count === at;
  }

  async function counted<R>(call: () => Promise<R>): Promise<R> {
    const isLast = isTheOne();
    try {
      return await call();
    } finally {
      if (isLast) controller.abort(new Error('the test aborts'));
    }
  }

  const counting: Driver = {
    ...driver,
    range: (...args) => counted(() => driver.range(...args)),
    txn: (...args) => counted(() => driver.txn(...args)),
    leaseGrant: (...args) => counted(() => driver.leaseGrant(...args)),
    leaseTimeToLive: (...args) => counted(() => driver.leaseTimeToLive(...args)),
    watch(...args) {
      const isLast = isTheOne();
      const watch = driver.watch(...args);
      if (isLast)
        void watch.created.catch(() => undefined).then(() => controller.abort(new Error('the test aborts')));
      return watch;
    },
  };
  return {driver: counting, calls: () => count};
}
