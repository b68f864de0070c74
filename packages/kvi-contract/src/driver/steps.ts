/** Steps that many cases share. */
import assert from 'node:assert/strict';
import {
  type Bytes,
  type Driver,
  isKviError,
  type KeyValue,
  type KviError,
  type KviErrorCode,
  type LeaseId,
  type RequestOp,
} from 'kvi-core/driver';

/** Runs operations as one transaction. @returns its revision */
export async function write(driver: Driver, ...success: RequestOp<Bytes>[]): Promise<number> {
  const {revision} = await driver.txn({success});
  return revision;
}

/** The current revision of the store. */
export async function revisionOf(driver: Driver): Promise<number> {
  const {revision} = await driver.txn({});
  return revision;
}

/** The key-value of a key, if it exists. */
export async function get(driver: Driver, key: Bytes): Promise<KeyValue<Bytes> | undefined> {
  const {kvs} = await driver.range({key});
  return kvs[0];
}

/**
 * Expects an error.
 *
 * @param law the promise that is broken otherwise
 */
export async function rejects(call: Promise<unknown>, code: KviErrorCode, law: string): Promise<KviError> {
  const error: unknown = await call.then(
    () => new Error('no error'),
    (reason: unknown) => reason,
  );
  assert.ok(isKviError(error, code), `${law}: expected ${code}, got ${String(error)}`);
  assert.notEqual(error.message, '', `${law}: an error says what was wrong`);
  return error;
}

/** A lease that is revoked at the end of its block, unless it has ended. */
export interface BorrowedLease extends AsyncDisposable {
  readonly id: LeaseId;
  readonly ttlSeconds: number;
}

/** Grants a lease for the block: `await using lease = await borrow(driver)`. */
export async function borrow(
  driver: Driver,
  {ttlSeconds = 60, id}: {ttlSeconds?: number; id?: LeaseId} = {},
): Promise<BorrowedLease> {
  const lease = await driver.leaseGrant({ttlSeconds, id});
  return {
    ...lease,
    async [Symbol.asyncDispose]() {
      await driver.leaseRevoke(lease.id).catch((error: unknown) => {
        if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
      });
    },
  };
}

/** Within how many milliseconds an expected event must happen; less than the timeout of a case. */
const patienceMs = 20_000;

/** Waits, and says what did not happen when it does not. */
export async function within<T>(waited: Promise<T>, missing: () => string): Promise<T> {
  let timeout: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timeout = setTimeout(() => {
      reject(new assert.AssertionError({message: `${missing()} (waited ${String(patienceMs)} ms)`}));
    }, patienceMs);
  });
  try {
    return await Promise.race([waited, limit]);
  } finally {
    clearTimeout(timeout);
  }
}

/** Runs `work` for each number below `count`, with bounded concurrency. */
export async function times<T>(count: number, work: (i: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  async function worker() {
    while (next < count) {
      const i = next;
      next += 1;
      results[i] = await work(i);
    }
  }
  await Promise.all(Array.from({length: 50}, worker));
  return results;
}
