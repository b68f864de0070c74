import {isKviError, open, type Kvi} from 'kvi';
import {election, queue, utf8} from 'kvi/recipes';
import {setTimeout as sleep} from 'node:timers/promises';
import {queueName} from '../keys.ts';
import {
  knownAgainSeconds,
  lockWaitSeconds,
  takeWaitMs,
  ttlSeconds,
  type Client,
  type HeldLock,
  type JobQueue,
  type WatchSink,
} from './client.ts';

/** @param index every second client resolves unknown outcomes */
export async function openKvi(endpoints: readonly string[], index: number): Promise<Client> {
  const onUnknownOutcome = index % 2 === 1 ? 'resolve' : 'throw';
  const kv = await open(`etcd://${endpoints.join(',')}`, {ttlSeconds, onUnknownOutcome});
  return {
    put: (key, value) => kv.store(key, value),
    get: (key) => kv.get(key),
    cas: (key, test, value) => kv.tas(key, test, value),
    transaction: (key, test, value, otherKey, otherValue) =>
      kv.transaction(key, '=', test, key, value, otherKey, otherValue),
    watch: (prefix, sink) => void watch(kv, prefix, sink),
    lock: (name) => lock(kv, name),
    lead: (name) => lead(kv, name, String(index)),
    jobs: jobsOf(kv),
    tempKey: async (key) => {
      await kv.tempKey(key);
    },
    mayHaveBeenApplied: (error) => isKviError(error, 'KVI_UNKNOWN_OUTCOME'),
    close: () => kv.close(),
  };
}

async function watch(kv: Kvi, prefix: string, sink: WatchSink): Promise<void> {
  let startRevision: number | undefined;
  for (;;) {
    try {
      if (startRevision === undefined) {
        startRevision = (await kv.range({prefix}, {countOnly: true})).revision + 1;
        sink.started(startRevision);
      }
      for await (const {revision, events} of kv.changes({prefix}, {startRevision})) {
        for (const {key, value, modRevision} of events) sink.changed(key, value, modRevision);
        startRevision = revision + 1;
      }
    } catch (error) {
      if (isKviError(error, 'KVI_CLOSED')) return;
      sink.failed(error);
      if (isKviError(error, 'KVI_COMPACTED')) startRevision = undefined;
      await sleep(50);
    }
  }
}

async function lock(kv: Kvi, name: string): Promise<HeldLock | undefined> {
  try {
    const held = await kv.distTimedLock(lockWaitSeconds, name);
    return {
      token: held.token,
      isHeld: () => held.isHeld(),
      isToldLost: () => held.signal.aborted,
      guardedPut: async (key, value) => {
        try {
          return (await held.guard({success: [{type: 'put', key, value}]})).succeeded;
        } catch (error) {
          if (isKviError(error, 'KVI_LOCK_LOST')) return false;
          throw error;
        }
      },
      release: async () => {
        try {
          await held.release();
          return true;
        } catch (error) {
          if (isKviError(error, 'KVI_LOCK_LOST')) return false;
          throw error;
        }
      },
    };
  } catch (error) {
    if (isKviError(error, 'KVI_TIMEOUT')) return undefined;
    throw error;
  }
}

async function lead(kv: Kvi, name: string, value: string): Promise<HeldLock | undefined> {
  try {
    const led = await election(kv, name).campaign(value, {timeoutMs: lockWaitSeconds * 1_000});
    return {
      token: led.token,
      isHeld: () => led.isLeading(),
      isToldLost: () => led.signal.aborted,
      guardedPut: async (key, fenced) => {
        const {succeeded} = await kv.txn({
          compare: [{key: led.key, target: 'create', result: '=', createRevision: led.token}],
          success: [{type: 'put', key, value: fenced}],
        });
        return succeeded;
      },
      release: async () => {
        try {
          await led.resign();
          return true;
        } catch (error) {
          if (isKviError(error, 'KVI_LEADERSHIP_LOST')) return false;
          throw error;
        }
      },
    };
  } catch (error) {
    if (isKviError(error, 'KVI_TIMEOUT')) return undefined;
    throw error;
  }
}

function jobsOf(kv: Kvi): JobQueue {
  const jobs = queue(kv, queueName, {codec: utf8, maxAttempts: 8, maxDepth: 40});

  async function unlessLost(ending: Promise<void>): Promise<boolean> {
    try {
      await ending;
      return true;
    } catch (error) {
      if (isKviError(error, 'KVI_ITEM_LOST')) return false;
      throw error;
    }
  }

  return {
    async add(value, {delaySeconds, isKnownAgain}) {
      try {
        const memory = isKnownAgain ? {dedupKey: value, dedupSeconds: knownAgainSeconds} : {};
        const {added} = await jobs.add(value, {delaySeconds, ...memory});
        return added || isKnownAgain;
      } catch (error) {
        if (isKviError(error, 'KVI_QUEUE_FULL')) return false;
        throw error;
      }
    },
    async take(max) {
      try {
        const items = await jobs.takeBatch({max, timeoutMs: takeWaitMs});
        return items.map((item) => ({
          value: item.value,
          token: item.token,
          isToldLost: () => item.signal.aborted,
          ack: () => unlessLost(item.ack()),
          async putBack(delaySeconds) {
            if (delaySeconds > 0) return unlessLost(item.nack({reason: 'for the battery', delaySeconds}));
            await item[Symbol.asyncDispose]();
            return true;
          },
        }));
      } catch (error) {
        if (isKviError(error, 'KVI_TIMEOUT')) return [];
        throw error;
      }
    },
    depth: () => jobs.depth(),
  };
}
