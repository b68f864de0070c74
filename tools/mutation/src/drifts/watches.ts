/** Twins whose watches miss changes or never end. */
import {setTimeout as pause} from 'node:timers/promises';
import {
  type Bytes,
  type Driver,
  type DriverWatch,
  type Event,
  eventBuffer,
  type KeyValue,
  noLease,
  type WatchResponse,
} from 'kvi-core/driver';
import type {Input, WatchCallback, WatchHandle, WatchWithCBOptions} from 'kvi-core';
import type {Drift} from './drift.ts';

/** Milliseconds between polls; the original twin waited 500. */
const pollMs = 20;

/** The events that lead from one state to the next. */
function differences(
  before: readonly KeyValue<Bytes>[],
  now: readonly KeyValue<Bytes>[],
  modRevision: number,
) {
  const old = new Map(before.map((kv) => [Buffer.from(kv.key).toString('latin1'), kv]));
  const events: Event<Bytes>[] = [];
  for (const kv of now) {
    const id = Buffer.from(kv.key).toString('latin1');
    const last = old.get(id);
    old.delete(id);
    if (last === undefined || Buffer.compare(last.value, kv.value) !== 0) events.push({type: 'put', kv});
  }
  for (const {key} of old.values()) {
    const kv = {key, value: Buffer.alloc(0), createRevision: 0, modRevision, version: 0, lease: noLease};
    events.push({type: 'delete', kv});
  }
  return events;
}

export const pollingWatch: Drift = {
  title:
    'a watch polls: the same value again, there-and-back, delete and re-create, and bursts are invisible',
  etcd: 'each put and each deletion is an event',
  caughtBy: ['kvi: watch › it resolves with the first change after the call'],
  driver: (driver) => ({
    ...driver,
    watch({key, rangeEnd}, {signal} = {}) {
      const buffer = eventBuffer({signal, onEnd: () => undefined});
      async function poll() {
        let {kvs, revision} = await driver.range({key, rangeEnd});
        buffer.created(revision + 1);
        while (!buffer.ended) {
          await pause(pollMs);
          const before = kvs;
          ({kvs, revision} = await driver.range({key, rangeEnd}));
          const events = differences(before, kvs, revision);
          if (events.length > 0) buffer.push({revision, events});
        }
      }
      // The handle was closed.
      poll().catch(() => void buffer.watch.return());
      return buffer.watch;
    },
  }),
};

/** A driver that changes what its watches deliver. */
function delivering(
  driver: Driver,
  change: (response: WatchResponse<Bytes>) => WatchResponse<Bytes> | undefined,
): Driver {
  return {
    ...driver,
    watch(...args) {
      const watch = driver.watch(...args);
      const changed: DriverWatch = {
        created: watch.created,
        requestProgress: () => watch.requestProgress(),
        return: () => watch.return(),
        [Symbol.asyncIterator]: () => changed,
        async next() {
          for (;;) {
            const result: IteratorResult<WatchResponse<Bytes>, undefined> = await watch.next();
            if (result.done === true) return result;
            const value = change(result.value);
            if (value !== undefined) return {done: false, value};
          }
        },
      };
      return changed;
    },
  };
}

export const firstEventOnly: Drift = {
  title: 'of the events of one response a watch reads only the first',
  etcd: 'one revision’s events come together, all of them',
  caughtBy: [
    'kvi: changes › a set is one revision, with all of its changes',
    'driver: a watch › delivers a revision whole',
  ],
  driver: (driver) => delivering(driver, ({revision, events}) => ({revision, events: events.slice(0, 1)})),
};

export const sameValueUnseen: Drift = {
  title: 'a put of the value that was there is no event',
  etcd: 'each put is an event',
  caughtBy: ['driver: a watch › delivers every change, including the same value again'],
  driver: (driver) => {
    const last = new Map<string, string>();
    return delivering(driver, ({revision, events}) => {
      const changed = events.filter(({type, kv}) => {
        const id = Buffer.from(kv.key).toString('latin1');
        const value = `${type} ${Buffer.from(kv.value).toString('latin1')}`;
        const isSame = last.get(id) === value;
        last.set(id, value);
        return !isSame;
      });
      return changed.length === 0 ? undefined : {revision, events: changed};
    });
  },
};

type CallbackWatchArgs<Op extends 'put' | 'delete', U> = [
  key: Input,
  op: Op,
  callback: WatchCallback<string, Op, U>,
  userData: U,
  options?: WatchWithCBOptions,
];

export const gapsBetweenEvents: Drift = {
  title: 'a watch with a callback sleeps after each event and begins anew: what happens meanwhile is missed',
  etcd: 'no gap once it is in place',
  caughtBy: ['kvi: watchWithCB › once it has resolved, the callback is called for each put'],
  kvi: (kvi) => ({
    ...kvi,
    async watchWithCB<Op extends 'put' | 'delete', U>(
      ...[key, op, callback, userData, options]: CallbackWatchArgs<Op, U>
    ) {
      let current: WatchHandle;
      let isOver = false;
      async function begin(): Promise<WatchHandle> {
        return kvi.watchWithCB(
          key,
          op,
          async (...args: Parameters<typeof callback>) => {
            if ((await callback(...args)) === false) isOver = true;
            return false;
          },
          userData,
          options,
        );
      }
      async function run() {
        while (!isOver) {
          await current.ended;
          await pause(pollMs);
          current = await begin();
        }
      }
      current = await begin();
      return {ended: run().catch(() => undefined)};
    },
  }),
};

export const lateCancel: Drift = {
  title: 'a cancelled watch calls its callback once more, and stays until the next change',
  etcd: 'stops at once',
  caughtBy: [
    'kvi: the end of watchWithCB › once watchCBCancel has resolved the callback is not called again',
  ],
  kvi: (kvi) => {
    const cancelled = new WeakSet<WatchHandle>();
    return {
      ...kvi,
      async watchWithCB<Op extends 'put' | 'delete', U>(
        ...[key, op, callback, userData, options]: CallbackWatchArgs<Op, U>
      ) {
        const handle: WatchHandle = await kvi.watchWithCB(
          key,
          op,
          async (...args: Parameters<typeof callback>) => {
            const result = await callback(...args);
            return cancelled.has(handle) ? false : result;
          },
          userData,
          options,
        );
        return handle;
      },
      watchCBCancel: (handle) => Promise.resolve(void cancelled.add(handle)),
    };
  },
};

export const neverCancelled: Drift = {
  title: 'a watch that its consumer has left goes on',
  etcd: '(its client) cancels it',
  caughtBy: ['driver: the end of a watch › comes with return() even for events that were not read yet'],
  driver: (driver) => ({
    ...driver,
    watch(...args) {
      const watch = driver.watch(...args);
      const endless: DriverWatch = {
        created: watch.created,
        next: () => watch.next(),
        requestProgress: () => watch.requestProgress(),
        return: () => Promise.resolve({done: true, value: undefined}),
        [Symbol.asyncIterator]: () => endless,
      };
      return endless;
    },
  }),
};

export const notInPlace: Drift = {
  title: 'watchWithCB returns before the watch is there',
  etcd: '(its client) returns when it is',
  caughtBy: ['driver: a watch › tells its first revision once it is created'],
  driver: (driver) => ({
    ...driver,
    watch(request, options) {
      const buffer = eventBuffer({...options, onEnd: () => undefined});
      buffer.created(1);
      async function run() {
        await pause(pollMs);
        const watch = driver.watch(request, options);
        for await (const response of watch) {
          if (buffer.ended) return;
          buffer.push(response);
        }
      }
      run().catch(() => void buffer.watch.return());
      return buffer.watch;
    },
  }),
};
