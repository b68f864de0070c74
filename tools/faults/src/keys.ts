/** The keys of the battery, shared by its clients and its checker. */

export const registerPrefix = 'register/';

export const registerKeys = ['register/a', 'register/b', 'register/c', 'register/d'] as const;

/** Written last, so that a watch of the registers knows that it has seen everything. */
export const lastKey = 'register/last';

/** The key that a transaction writes if its compare is false. */
export function missedKey(key: string): string {
  return `missed/${key}`;
}

export const lockName = 'lock/a';

export const electionName = 'election/a';

/** What only one client at a time has. */
export type Exclusive = 'lock' | 'leadership';

/** Written only under the lock, or by the leader; each value begins with the fencing token. */
export const fencedKeys: Readonly<Record<Exclusive, string>> = {
  lock: 'fenced/lock',
  leadership: 'fenced/leadership',
};

export const queueName = 'jobs/a';

export const tempPrefix = 'temp/';

export function tempKey(client: string): string {
  return tempPrefix + client;
}

/** A number that clients count up, followed by who did. */
export const counterKey = 'counter/a';

export function firstCount(writer: string): string {
  return `1 ${writer}`;
}

export function nextCount(value: string, writer: string): string {
  return `${Number.parseInt(value, 10) + 1} ${writer}`;
}

/** Whether clients leave this key behind on purpose. */
export function isDataKey(key: string): boolean {
  return [
    'register/',
    'missed/',
    'counter/',
    'fenced/',
    // Jobs that were given up stay as dead letters, and those that are done are remembered for a while.
    `${queueName}/dead/`,
    `${queueName}/values/`,
    `${queueName}/dedup/`,
  ].some((prefix) => key.startsWith(prefix));
}
