import type {Bytes} from '../etcd/bytes.ts';
import {isSingleKey, rangeId} from '../etcd/key-range.ts';
import type {Compare, KeyRange, KeyValue, ResponseOp} from '../etcd/messages.ts';

/** A range, and the keys that were in it. */
export interface Read {
  range: KeyRange<Bytes>;
  kvs: readonly KeyValue<Bytes>[];
}

/** One state of the store, as far as it was read. */
export interface Snapshot {
  /** Undefined before the first read. */
  revision?: number | undefined;
  /** By {@link rangeId}. */
  reads: ReadonlyMap<string, Read>;
}

/** What a unit knows before it has read anything. */
export const unread: Snapshot = {reads: new Map()};

/**
 * Holds as long as everything is as it was read at `revision`. That no key of a range was changed since tells of new and of
 * changed keys; a deleted one leaves nothing that could tell, so each is compared too.
 */
export function comparesOf(reads: ReadonlyMap<string, Read>, revision = 0): Compare<Bytes>[] {
  const compares = new Map<string, Compare<Bytes>>();
  for (const [id, {range, kvs}] of reads) {
    compares.set(
      id,
      isSingleKey(range)
        ? {key: range.key, target: 'mod', result: '=', modRevision: kvs[0]?.modRevision ?? 0}
        : {...range, target: 'mod', result: '<', modRevision: revision + 1},
    );
    for (const {key, modRevision} of kvs) {
      compares.set(rangeId({key}), {key, target: 'mod', result: '=', modRevision});
    }
  }
  return [...compares.values()];
}

/** The ranges as the failed commit found them, all at one revision. */
export function snapshotOf(
  asked: readonly Read[],
  revision: number,
  responses: readonly ResponseOp<Bytes>[],
): Snapshot {
  const reads = new Map<string, Read>();
  for (const [i, {range}] of asked.entries()) {
    const response = responses[i];
    if (response?.type === 'range') reads.set(rangeId(range), {range, kvs: response.kvs});
  }
  return {revision, reads};
}
