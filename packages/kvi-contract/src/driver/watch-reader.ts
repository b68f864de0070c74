import assert from 'node:assert/strict';
import type {Bytes, DriverWatch, WatchResponse} from 'kvi-core/driver';
import type {Keyspace} from './keyspace.ts';
import {within} from './steps.ts';

/** Reads a watch in a short notation, one line per revision: `@7 put a=1, delete b`. */
export interface WatchReader {
  /** The lines of the next responses, until they have at least this many events. */
  take(events: number): Promise<string[]>;
  /** The same, until a key of this name has changed. */
  takeUntil(name: string): Promise<string[]>;
}

/** Checks at every response what holds for every watch, whatever the case is about. */
export function watchReader({event, name}: Keyspace, watch: DriverWatch): WatchReader {
  let deliveredUntil = 0;

  function check({revision, events}: WatchResponse<Bytes>): void {
    let last = deliveredUntil;
    for (const {kv} of events) {
      const known = last === deliveredUntil ? 'was said to be delivered' : 'came before it';
      assert.ok(
        kv.modRevision > deliveredUntil && kv.modRevision >= last,
        `a watch is ordered, unique and atomic: revision ${String(last)} ${known}, then came an event of ${String(kv.modRevision)}`,
      );
      last = kv.modRevision;
    }
    assert.ok(
      revision >= last,
      `a response says up to which revision everything was delivered: it says ${String(revision)} after an event of ${String(last)}`,
    );
    deliveredUntil = revision;
  }

  async function takeUntil(isLast: (response: WatchResponse<Bytes>) => boolean): Promise<string[]> {
    const taken: WatchResponse<Bytes>[] = [];
    for (;;) {
      const result = await within(
        watch.next(),
        () => `the watch is reliable: an event is missing after ${JSON.stringify(lines(taken).slice(-5))}`,
      );
      if (result.done === true) assert.fail('a watch ends only when it is told to, or with an error');
      check(result.value);
      taken.push(result.value);
      if (isLast(result.value)) return lines(taken);
    }
  }

  function lines(responses: readonly WatchResponse<Bytes>[]): string[] {
    const byRevision = new Map<number, string[]>();
    for (const item of responses.flatMap(({events}) => events)) {
      const {modRevision} = item.kv;
      byRevision.set(modRevision, [...(byRevision.get(modRevision) ?? []), event(item)]);
    }
    return [...byRevision].map(([revision, events]) => `@${String(revision)} ${events.join(', ')}`);
  }

  return {
    take(count) {
      let left = count;
      return takeUntil(({events}) => {
        left -= events.length;
        return left <= 0;
      });
    },
    takeUntil: (last) => takeUntil(({events}) => events.some(({kv}) => name(kv.key) === last)),
  };
}
