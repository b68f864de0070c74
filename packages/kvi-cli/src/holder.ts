import {hostname} from 'node:os';

/** Who holds a lock, or waits for it: the value of its key. */
export interface Holder {
  host: string;
  pid: number;
  /** When it began to wait, by its own clock: `2026-11-27T22:53:30.000Z`. */
  since: string;
}

/** This process. */
export function thisHolder(): Holder {
  return {host: hostname(), pid: process.pid, since: new Date().toISOString()};
}

/** Reads a holder from the value of a key; undefined if another program wrote it. */
export function parseHolder(value: Uint8Array): Holder | undefined {
  let found: unknown;
  try {
    found = JSON.parse(Buffer.from(value).toString());
  } catch {
    return undefined;
  }
  if (typeof found !== 'object' || found === null) return undefined;
  const {host, pid, since} = found as Partial<Record<keyof Holder, unknown>>;
  if (typeof host !== 'string' || typeof pid !== 'number' || typeof since !== 'string') return undefined;
  return {host, pid, since};
}
