/** What client processes record for the checker, one JSON object per line. */
import {appendFileSync, readFileSync} from 'node:fs';
import type {Exclusive} from './keys.ts';

/** Milliseconds on the monotonic clock, which all processes of a machine share. */
export function now(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/** How the library said an operation ended. `failed` claims that nothing was applied; `unknown` claims nothing. */
export type Outcome = 'ok' | 'false' | 'failed' | 'unknown';

/** One operation on one key. A run writes each value only once, so that a value identifies its write. */
export interface Operation {
  type: 'operation';
  kind: 'put' | 'cas' | 'get';
  key: string;
  /** What the key of a `cas` has to hold; null if it must not exist. */
  test?: string | null;
  /** What a `put` or a `cas` wrote, or a `get` found; undefined if it found no key. */
  value?: string;
  start: number;
  end: number;
  outcome: Outcome;
  /** The error it failed with. */
  error?: string;
}

/** A watch started, or restarted after a gap that it was told of. */
export interface WatchStarted {
  type: 'watchStarted';
  /** The first revision it promised to deliver. */
  from: number;
}

/** An event that a watch delivered. */
export interface Watched {
  type: 'watched';
  key: string;
  /** Absent for a deletion. */
  value?: string;
  revision: number;
}

/** A watch ended with an error. */
export interface WatchEnded {
  type: 'watchEnded';
  error: string;
}

/** A lock was held, or a leadership. */
export interface Hold {
  type: 'hold';
  what: Exclusive;
  /** The fencing token, if the client has one. */
  token?: number;
  /** When the call that took it returned. */
  acquired: number;
  /** When the holder last asked and was told that it held the lock; 0 if never. */
  lastHeld: number;
  /** When the loss had last not been signalled yet; 0 if never. */
  lastUntold: number;
  /** Whether it was told of the loss, by the release at the latest. */
  lost: boolean;
}

/** A job was added to the queue. */
export interface AddedJob {
  type: 'added';
  /** A value that no other job has. */
  value: string;
  /** `false`: the queue was full. */
  outcome: Outcome;
  /** When it was added first. */
  start: number;
  /** Seconds before which nobody may take it. */
  delaySeconds: number;
}

/** A job was taken from the queue. */
export interface TakenJob {
  type: 'job';
  value: string;
  token: number;
  /** When the call that took it returned. */
  taken: number;
  /** When the loss had last not been signalled yet; 0 if never. */
  lastUntold: number;
  /** How the library said it ended; `unknown` may be `acked` or `lost`. `failed` claims nothing. */
  outcome: 'acked' | 'put back' | 'lost' | 'unknown' | 'failed';
}

/** A lease was found to have ended, though it was renewed within its TTL and nobody gave it up. */
export interface LeaseEnded {
  type: 'leaseEnded';
  lease: string;
  /** Milliseconds since the last renewal that the client trusted was sent. */
  silentMs: number;
}

/** The client closed its handle; its process should now exit by itself. */
export interface Closed {
  type: 'closed';
  at: number;
}

export type Record =
  Operation | WatchStarted | Watched | WatchEnded | Hold | AddedJob | TakenJob | LeaseEnded | Closed;

/** Appends to a history. A process that is killed loses only its last moments. */
export interface Recorder {
  record(record: Record): void;
  flush(): void;
}

/** Starts a history, written to its file a few times a second. */
export function recorder(file: string): Recorder {
  let lines = '';
  const flush = (): void => {
    appendFileSync(file, lines);
    lines = '';
  };
  setInterval(flush, 250).unref();
  return {
    record: (record) => {
      lines += `${JSON.stringify(record)}\n`;
    },
    flush,
  };
}

/** What one client process recorded. */
export interface Recording {
  client: number;
  records: Record[];
}

/** Reads what a {@link recorder} wrote. Ignores a last line that was cut short. */
export function readHistory(file: string, client: number): Recording {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return {client, records: lines.map((line) => JSON.parse(line) as Record)};
}

/** The records of one type, each with its client. */
export function recordsOf<T extends Record['type']>({client, records}: Recording, type: T) {
  return records
    .filter((record): record is Extract<Record, {type: T}> => record.type === type)
    .map((record) => ({...record, client}));
}
