/** Twins whose locks and temporary keys are not real. */
import type {DistLock, Kvi, TempKey} from 'kvi-core';
import type {Drift} from './drift.ts';

/** A facade that changes each lock it returns. */
function changingLocks(kvi: Kvi, change: (lock: DistLock) => DistLock): Kvi {
  return {
    ...kvi,
    distLock: async (...args) => change(await kvi.distLock(...args)),
    distTimedLock: async (...args) => change(await kvi.distTimedLock(...args)),
  };
}

function releasing(lock: DistLock, release: () => Promise<void>): DistLock {
  return {...lock, release, [Symbol.asyncDispose]: release};
}

function pretendedLock(kvi: Kvi, name = ''): DistLock {
  const done = () => Promise.resolve();
  return {
    name,
    key: name,
    token: 0,
    signal: new AbortController().signal,
    isHeld: () => true,
    guard: (request, options) => kvi.txn(request, options),
    release: done,
    [Symbol.asyncDispose]: done,
  };
}

export const locksDoNothing: Drift = {
  title: 'locks do nothing',
  etcd: 'one holds at a time; others wait, or give up when their time is over',
  caughtBy: [
    'kvi: locks › one holds it at a time',
    'kvi: waiting for a lock › a timed wait gives up with KVI_TIMEOUT',
  ],
  kvi: (kvi) => ({
    ...kvi,
    distLock: (name) => Promise.resolve(pretendedLock(kvi, name)),
    distTimedLock: (_seconds, name) => Promise.resolve(pretendedLock(kvi, name)),
    distUnlock: () => Promise.resolve(),
  }),
};

export const permanentTempKey: Drift = {
  title: 'a temporary key is permanent',
  etcd: 'gone when it is closed, and within its TTL after the process dies',
  caughtBy: ['kvi: tempKey › the key exists, with its value and under a lease'],
  kvi: (kvi) => ({
    ...kvi,
    async tempKey(key, {value = ''} = {}): Promise<TempKey> {
      await kvi.store(key, value);
      const done = () => Promise.resolve();
      return {signal: new AbortController().signal, close: done, [Symbol.asyncDispose]: done};
    },
  }),
};

export const lossUnseen: Drift = {
  title: 'the loss of a lock is not seen, and releasing it succeeds',
  etcd: '(its client) tells: the signal aborts, and releasing fails with `KVI_LOCK_LOST`',
  caughtBy: [
    'kvi: losing a lock, and meeting other clients › the signal aborts with KVI_LOCK_LOST when the key',
  ],
  kvi: (kvi) => ({
    ...changingLocks(kvi, (lock) => releasing(lock, () => lock.release().catch(() => undefined))),
    distUnlock: (name) => kvi.distUnlock(name).catch(() => undefined),
  }),
};

export const oneLockName: Drift = {
  title: 'one lock name for every program',
  etcd: 'locks of different names do not meet',
  caughtBy: ['kvi: locks › locks with different names are independent'],
  kvi: (kvi) => ({
    ...kvi,
    distLock: (_name, options) => kvi.distLock(undefined, options),
    distTimedLock: (seconds, _name, options) => kvi.distTimedLock(seconds, undefined, options),
    distUnlock: () => kvi.distUnlock(),
  }),
};

export const waitIsTtl: Drift = {
  title: "a lock's TTL is the time that was waited for it at most",
  etcd: 'two different numbers',
  caughtBy: ['kvi: locks › the TTL is that of the call or of the handle'],
  kvi: (kvi) => ({
    ...kvi,
    distTimedLock: (seconds, name, options) =>
      kvi.distTimedLock(seconds, name, {...options, ttlSeconds: Math.max(1, Math.ceil(seconds))}),
  }),
};

export const createIfAbsent: Drift = {
  title: 'a lock is a key that is created if it is absent, and polled for',
  etcd: 'a queue of keys under the name: fair, and the same for every client',
  caughtBy: ['kvi: locks › a held lock is the key <name>/<lease>'],
  kvi: (kvi) => ({
    ...kvi,
    async distLock(name = 'lock') {
      while (!(await kvi.tas(name, null, ''))) await new Promise((resolve) => setTimeout(resolve, 5));
      const release = () => kvi.delete(name).then(() => undefined);
      return releasing(pretendedLock(kvi, name), release);
    },
  }),
};
