/** What clients left behind in the store. */
import {setTimeout as sleep} from 'node:timers/promises';
import {knownAgainSeconds, ttlSeconds} from './clients/client.ts';
import {allKeys, callAny, decode} from './gateway.ts';
import {electionName, isDataKey, lockName, tempPrefix} from './keys.ts';

/** What was left after every client had closed and every abandoned lease had expired. */
export interface Leaks {
  leases: number;
  lockKeys: number;
  tempKeys: number;
  /** Keys that the library made for itself. */
  otherKeys: number;
}

/** In seconds. */
async function grantedTtl(lease: string, endpoints: readonly string[]): Promise<number> {
  const {grantedTTL} = await callAny<{grantedTTL?: string}>(endpoints, 'lease/timetolive', {ID: lease});
  return Number(grantedTTL);
}

/** Waits until nothing is left, at most until every abandoned lease has expired. */
export async function findLeaks(endpoints: readonly string[]): Promise<Leaks> {
  const deadline = performance.now() + (2 * ttlSeconds + 1) * 1_000;
  for (;;) {
    const leaks = await countLeaks(endpoints);
    if (Object.values(leaks).every((count) => count === 0) || performance.now() > deadline) return leaks;
    await sleep(200);
  }
}

async function countLeaks(endpoints: readonly string[]): Promise<Leaks> {
  const {leases: all = []} = await callAny<{leases?: {ID: string}[]}>(endpoints, 'lease/leases');
  const ttls = await Promise.all(all.map(({ID}) => grantedTtl(ID, endpoints)));
  // A job that is done is known again for a while, under a lease that an ack of unknown outcome may have left unused.
  const leases = ttls.filter((ttl) => ttl !== knownAgainSeconds);
  const {kvs = []} = await callAny<{kvs?: {key: string}[]}>(endpoints, 'kv/range', {
    ...allKeys,
    keys_only: true,
  });
  const keys = kvs.map(({key}) => decode(key)).filter((key) => !isDataKey(key));
  const lockKeys = keys.filter((key) => key.startsWith(lockName) || key.startsWith(electionName)).length;
  const tempKeys = keys.filter((key) => key.startsWith(tempPrefix)).length;
  return {leases: leases.length, lockKeys, tempKeys, otherKeys: keys.length - lockKeys - tempKeys};
}
