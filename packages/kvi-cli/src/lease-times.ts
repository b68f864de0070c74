import {type Bytes, isKviError, type Kvi} from 'kvi';

/** What a lease has left. */
export interface TimeLeft {
  /** In seconds, as is `grantedTtlSeconds`. */
  ttlSeconds: number;
  grantedTtlSeconds: number;
}

/**
 * Reads the remaining time of leases; of each lease once.
 *
 * @returns resolves with `undefined` for a lease that has ended
 */
export function leaseTimes(
  kv: Kvi<Bytes>,
  signal: AbortSignal,
): (id: string) => Promise<TimeLeft | undefined> {
  const known = new Map<string, Promise<TimeLeft | undefined>>();
  async function ask(id: string): Promise<TimeLeft | undefined> {
    try {
      await using lease = await kv.attachLease(id, {signal});
      const {ttlSeconds, grantedTtlSeconds} = await lease.timeToLive({signal});
      return {ttlSeconds, grantedTtlSeconds};
    } catch (error) {
      if (isKviError(error, 'KVI_LEASE_NOT_FOUND')) return undefined;
      throw error;
    }
  }
  return (id) => {
    const asked = known.get(id) ?? ask(id);
    known.set(id, asked);
    return asked;
  };
}
