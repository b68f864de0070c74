/** What clients left behind in the store. */
import {setTimeout as sleep} from 'node:timers/promises';
import {knownAgainSeconds, ttlSeconds} from './clients/client.ts';
import {allKeys, callAny, decode} from './gateway.ts';
import {electionName, isDataKey, lockName, tempPrefix} from './keys.ts';

/** What was left after every client had closed and every abandoned lease had expired. */
export interface Leaks {
  /** A description of each. */
  leases: readonly string[];
  lockKeys: readonly string[];
  tempKeys: readonly string[];
  /** Keys that the library made for itself. */
  otherKeys: readonly string[];
}

/** Waits until nothing is left, at most until every abandoned lease has expired. */
export async function findLeaks(endpoints: readonly string[]): Promise<Leaks> {
  const deadline = performance.now() + (2 * ttlSeconds + 1) * 1_000;
  for (;;) {
    const leaks = await leaksNow(endpoints);
    if (
      Object.values(leaks).every((found: readonly string[]) => found.length === 0) ||
      performance.now() > deadline
    )
      return leaks;
    await sleep(200);
  }
}

async function leaksNow(endpoints: readonly string[]): Promise<Leaks> {
  const {kvs = []} = await callAny<{kvs?: {key: string}[]}>(endpoints, 'kv/range', {
    ...allKeys,
    keys_only: true,
  });
  const keys = kvs.map(({key}) => decode(key)).filter((key) => !isDataKey(key));
  const lockKeys = keys.filter((key) => key.startsWith(lockName) || key.startsWith(electionName));
  const tempKeys = keys.filter((key) => key.startsWith(tempPrefix));
  const otherKeys = keys.filter((key) => !lockKeys.includes(key) && !tempKeys.includes(key));
  return {leases: await leasesNow(endpoints), lockKeys, tempKeys, otherKeys};
}

async function leasesNow(endpoints: readonly string[]): Promise<string[]> {
  const {leases = []} = await callAny<{leases?: {ID: string}[]}>(endpoints, 'lease/leases');
  const found = await Promise.all(leases.map(({ID}) => describeLease(ID, endpoints)));
  return found.filter((lease) => lease !== undefined);
}

/** @returns undefined if it is no leak */
async function describeLease(id: string, endpoints: readonly string[]): Promise<string | undefined> {
  const {
    TTL = '0',
    grantedTTL = '0',
    keys = [],
  } = await callAny<{TTL?: string; grantedTTL?: string; keys?: string[]}>(endpoints, 'lease/timetolive', {
    ID: id,
    keys: true,
  });
  // It has ended meanwhile.
  if (TTL === '-1') return undefined;
  // A job that is done is known again for a while, under a lease that an ack of unknown outcome may have left unused.
  if (Number(grantedTTL) === knownAgainSeconds) return undefined;
  return `${BigInt(id).toString(16)} of ${grantedTTL} s, ${TTL} s left, with ${keys.length === 0 ? 'no keys' : keys.map(decode).join(', ')}`;
}
