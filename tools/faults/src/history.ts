/** What client processes record, one JSON object a line, and what the checker reads. */
import {appendFileSync, readFileSync} from 'node:fs';

/** Milliseconds on the machine's monotonic clock, which all of its processes share. */
export function now(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/** How an operation ended, by its own account. `failed` claims that nothing was applied; `unknown` claims nothing. */
export type Outcome = 'ok' | 'false' | 'failed' | 'unknown';

/** One operation on one key. Every value that is written is written once in a run, so that it names its write. */
export interface Operation {
  type: 'operation';
  kind: 'put' | 'cas' | 'get';
  key: string;
  /** Of a `cas`: what the key has to hold; `null`: it must not exist. */
  test?: string | null;
  /** Written by a `put` or a `cas`; found by a `get` (absent: there was no such key). */
  value?: string;
  start: number;
  end: number;
  outcome: Outcome;
  /** What it failed with. */
  error?: string;
}

/** A watch of {@link Watched} keys began, or began again after it was told that it missed something. */
export interface WatchStarted {
  type: 'watchStarted';
  /** The first revision that it promised to deliver. */
  from: number;
}

/** What a watch delivered, in the order in which it did. */
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

/** A lock that was held. */
export interface Hold {
  type: 'hold';
  /** The fencing token, where the client has one. */
  token?: number;
  /** When the call that took it returned. */
  acquired: number;
  /** The last time at which the holder asked and was told that it held it; 0 if it never was. */
  lastHeld: number;
  /** The last time at which the signal of the loss had not come yet; 0 if it had from the beginning. */
  lastUntold: number;
  /** Whether it was told that it had lost the lock, before it released or by the release. */
  lost: boolean;
}

/** The client ended: its process is expected to exit by itself now. */
export interface Closed {
  type: 'closed';
  at: number;
}

export type Record = Operation | WatchStarted | Watched | WatchEnded | Hold | Closed;

/** Appends to a history. A process that is killed leaves all but its last moments. */
export interface Recorder {
  record(record: Record): void;
  flush(): void;
}

/** Starts a history in a file, written a few times a second. */
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

/** Reads what a {@link recorder} wrote. A last line that was cut short is left out. */
export function readHistory(file: string, client: number): Recording {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return {client, records: lines.map((line) => JSON.parse(line) as Record)};
}

/** The records of one type. */
export function recordsOf<T extends Record['type']>(
  {records}: Recording,
  type: T,
): Extract<Record, {type: T}>[] {
  return records.filter((record): record is Extract<Record, {type: T}> => record.type === type);
}
