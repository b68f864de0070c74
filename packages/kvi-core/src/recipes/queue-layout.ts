/**
 * Where a queue keeps its jobs. Below the queue's name, a job has
 *
 * - `values/<id>`: what the codec made of it, until it is acked or its dead letter deleted;
 * - one key that tells its state and holds a {@link JobRecord}: `ready/<id>`, `hidden/taken/<id>`, `hidden/delayed/<id>` or
 *   `dead/<id>`;
 * - while it is hidden, one key that says until when: `holds/taken/<id>` under its consumer's lease, `holds/delayed/<id>` under
 *   a lease as long as the delay. A hidden job whose hold is gone is put back by whoever sees it;
 * - `dedup/<dedupKey>`, which holds its id, if it was added with a `dedupKey`.
 *
 * An id sorts as the jobs are to be taken: `0000005-0000000000001234-000001-9f86d081884c7d65` has priority 5, was added when
 * the store was at revision 1234, and was the second of the jobs that a process added at that moment.
 */
import {randomBytes} from 'node:crypto';
import {type Bytes, decodeUtf8, show} from '../etcd/bytes.ts';
import {KviError} from '../etcd/errors.ts';
import {prefixEnd, prefixRange} from '../etcd/key-range.ts';
import type {KeyRange, KeyValue} from '../etcd/messages.ts';

/** The folders of a queue's keys. */
export type Folder =
  'values' | 'ready' | 'dead' | 'dedup' | 'hidden' | 'holds' | `${'hidden' | 'holds'}/${HiddenState}`;

/** Why a job is hidden. */
export type HiddenState = 'taken' | 'delayed';

export const hiddenStates: readonly HiddenState[] = ['taken', 'delayed'];

/** What is known of a job besides its value, stored as JSON. */
export interface JobRecord {
  /** How often it was taken. */
  attempts: number;
  /** Why attempts failed, as far as somebody said; the newest last. */
  reasons?: string[] | undefined;
  dedupKey?: string | undefined;
  /** Seconds for which the `dedupKey` is remembered once the job is done. */
  dedupSeconds?: number | undefined;
}

/** A job in some state, as it was read. */
export interface Job {
  id: string;
  record: JobRecord;
  /** The mod revision of the key that tells its state. */
  modRevision: number;
}

/** The keys of one queue. */
export interface QueueLayout {
  key(folder: Folder, id: string): Bytes;
  /** All keys of a folder. */
  all(folder: Folder): KeyRange<Bytes>;
  /** Where to see that a job may have become ready, or lost its hold: no other folder lies between these two. */
  readonly holdsAndReady: KeyRange<Bytes>;
  idOf(folder: Folder, key: Bytes): string;
  /** @throws `KVI_INVALID_VALUE` for what no queue has stored */
  jobOf(folder: Folder, kv: KeyValue<Bytes>): Job;
}

export function queueLayout(name: string): QueueLayout {
  const prefix = (folder: Folder) => Buffer.from(`${name}/${folder}/`);

  function idOf(folder: Folder, key: Bytes): string {
    return Buffer.from(key.subarray(prefix(folder).length)).toString();
  }

  return {
    key: (folder, id) => Buffer.from(`${name}/${folder}/${id}`),
    all: (folder) => prefixRange(prefix(folder)),
    holdsAndReady: {key: prefix('holds'), rangeEnd: prefixEnd(prefix('ready'))},
    idOf,
    jobOf(folder, {key, value, modRevision}) {
      return {id: idOf(folder, key), record: parseRecord(key, value), modRevision};
    },
  };
}

export const maxPriority = 9_999_999;

/** A new job's id. @param number - which of the jobs that are added at this revision it is */
export function newJobId(priority: number, revision: number, number: number): string {
  const digits = (n: number, length: number) => String(n).padStart(length, '0');
  return `${digits(priority, 7)}-${digits(revision, 16)}-${digits(number, 6)}-${randomBytes(8).toString('hex')}`;
}

export function encodeRecord(record: JobRecord): Bytes {
  return Buffer.from(JSON.stringify(record));
}

function parseRecord(key: Bytes, value: Bytes): JobRecord {
  try {
    const record: unknown = JSON.parse(decodeUtf8(value) ?? '');
    if (isRecord(record)) return record;
  } catch {
    // It is no JSON: nothing that a queue has stored.
  }
  throw new KviError(
    'KVI_INVALID_VALUE',
    `the key ${show(key)} is below a queue's name and holds no job; delete it, or name the queue otherwise`,
  );
}

/** Only queues write here: what looks like a record is one. */
function isRecord(value: unknown): value is JobRecord {
  return (
    typeof value === 'object' && value !== null && 'attempts' in value && Number.isSafeInteger(value.attempts)
  );
}
