import type {Bytes, Event, RangeRequest, RangeResponse, WatchRequest} from 'kvi-core/driver';

/**
 * Where a backend may answer differently, and what a comparison ignores for it. Nothing else is ignored. A test shows
 * each difference on the etcd versions that have it, and fails when they no longer do: then it is removed.
 */
export interface AcceptedDifference {
  /** One sentence: which backend does what, and what the others do. */
  what: string;
  /** Why it is accepted, and what that means for a user. */
  why: string;
  /** The etcd versions that differ from the twin. */
  etcd: string;
  /** Whether this version of etcd differs; unknown for other backends. */
  concerns(version: string): boolean;
}

/** All accepted differences. */
export const acceptedDifferences = {
  deletionAtCompactRevision: {
    what: 'A watch that starts at the compact revision is not given a deletion at exactly that revision; others deliver it.',
    why: "A defect of etcd, mended in 3.4.34 and 3.5.16. kvi's own watches never start there: they start after a revision that was read.",
    etcd: 'before 3.4.34, and 3.5 before 3.5.16',
    concerns: (version) => isBefore(version, version.startsWith('3.4.') ? '3.4.34' : '3.5.16'),
  },
  orderOfTies: {
    what: 'When more than 12 keys are sorted by something else than the key, a limit that cuts through those that are equal in it chooses any of them, and by a value that is left out they come in any order; the twin keeps them in key order.',
    why: "Go's sort is not stable for more than 12 elements, and etcd promises nothing. Sort by key, or order ties yourself.",
    etcd: 'all',
    concerns: () => true,
  },
} as const satisfies Record<string, AcceptedDifference>;

/** The name of an accepted difference. */
export type AcceptedDifferenceName = keyof typeof acceptedDifferences;

/** Go sorts up to this many elements by insertion, which is stable. */
const stableSortLimit = 12;

/** Whether this answer is an instance of `orderOfTies`. */
export function isOrderOfTies(
  {sortTarget = 'key', keysOnly}: RangeRequest<Bytes>,
  {count, more}: RangeResponse<Bytes>,
): boolean {
  const mayDiffer = more || (sortTarget === 'value' && keysOnly === true);
  return sortTarget !== 'key' && mayDiffer && count > stableSortLimit;
}

/** Whether this event is an instance of `deletionAtCompactRevision`, for a watch that was started after that compaction. */
export function isDeletionAtCompactRevision(
  {startRevision}: WatchRequest<Bytes>,
  compactRevision: number,
  {type, kv: {modRevision}}: Event<Bytes>,
): boolean {
  return type === 'delete' && startRevision === compactRevision && modRevision === compactRevision;
}

/** Compares versions such as `3.5.16`. */
function isBefore(version: string, other: string): boolean {
  const numbers = (text: string) => text.split('.').map((part) => Number.parseInt(part, 10));
  const ours = numbers(version);
  const difference = numbers(other)
    .map((number, i) => (ours[i] ?? 0) - number)
    .find((each) => each !== 0);
  return difference !== undefined && difference < 0;
}
