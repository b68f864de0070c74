import {type Bytes, show} from '../etcd/bytes.ts';
import type {Driver} from '../driver/driver.ts';
import {closed, isKviError, KviError} from '../etcd/errors.ts';
import type {LeaseId} from '../etcd/messages.ts';
import {retryUntil} from '../async/retry-until.ts';
import {giveUpMs, openSession, type Session} from '../lease/session.ts';
import {withDeadline} from '../async/deadline.ts';

/** What to keep. */
export interface KeeperRequest {
  key: Bytes;
  value: Bytes;
  ttlSeconds: number;
}

/** Keeps one key in the store for as long as the process lives. */
export interface Keeper {
  /** Resolves when the key is there for the first time; rejects when it could not be put. */
  readonly placed: Promise<void>;
  /** Resolves when the key is there now, as the store says; rejects with the reason of `ended` when it is kept no more. */
  present(): Promise<void>;
  /** Aborts when the keeping is over; the reason says why. */
  readonly ended: AbortSignal;
  /**
   * Deletes the key. Closing twice is fine.
   *
   * @throws what {@link Session.close} throws; the key goes within its TTL then
   */
  close(): Promise<void>;
}

/** Puts a key under a lease of its own, and puts it back when that lease was lost. */
export function keeper(driver: Driver, {key, value, ttlSeconds}: KeeperRequest): Keeper {
  const ended = new AbortController();
  const {signal} = ended;

  async function place(): Promise<Session> {
    for (;;) {
      const session = await openSession(driver, ttlSeconds, signal);
      try {
        await putUnder(session.lease);
        return session;
      } catch (error) {
        await session.close({timeoutMs: giveUpMs}).catch(() => undefined);
        // The lease had ended before the key arrived; another may fare better.
        if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
      }
    }
  }

  async function putUnder(lease: LeaseId): Promise<void> {
    for (;;) {
      try {
        await driver.txn({success: [{type: 'put', key, value, lease}]}, {signal});
        return;
      } catch (error) {
        // Putting the same under the same lease twice changes nothing.
        if (!isKviError(error, 'KVI_UNKNOWN_OUTCOME') || signal.aborted) throw error;
      }
    }
  }

  /** Resolves when the lease is lost. Ends the keeping when the key was taken away from it. */
  async function untilLost({lease, signal: lost}: Session): Promise<void> {
    try {
      await withDeadline(driver.clock, {signal, closing: lost}, async (over) => {
        for (;;) {
          const {kvs, revision} = await driver.range({key}, {signal: over});
          const [found] = kvs;
          if (found?.lease !== lease) {
            // Throws when the key went because its lease did.
            if (found === undefined) await driver.leaseTimeToLive({id: lease}, {signal: over});
            ended.abort(taken(found === undefined ? 'deleted' : 'overwritten'));
            signal.throwIfAborted();
          }
          await changed(revision + 1, over);
        }
      });
    } catch (error) {
      if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
    }
  }

  async function changed(startRevision: number, over: AbortSignal): Promise<void> {
    try {
      for await (const {events} of driver.watch({key, startRevision}, {signal: over})) {
        if (events.length > 0) return;
      }
    } catch (error) {
      // The change may be among what was compacted: the caller looks again.
      if (!isKviError(error, 'KVI_COMPACTED')) throw error;
    }
  }

  function taken(how: string): KviError {
    return new KviError('KVI_KEY_LOST', `the temporary key ${show(key)} was ${how}`);
  }

  /** Keeps the key, whatever happens to the backend meanwhile, until the keeping has ended. */
  async function keep(first: Session): Promise<void> {
    let session = first;
    try {
      for (;;) {
        const current = session;
        round = retryUntil(driver.clock, signal, () => untilLost(current));
        await round;
        placing = retryUntil(driver.clock, signal, () => putBack(current));
        session = await placing;
      }
    } catch {
      // Only its end ends the keeping.
    } finally {
      await session.close({timeoutMs: giveUpMs});
    }
  }

  async function putBack(old: Session): Promise<Session> {
    signal.throwIfAborted();
    await old.close({timeoutMs: giveUpMs}).catch(() => undefined);
    return place();
  }

  let placing = place();
  /** Ends when the present lease is lost, or the keeping has ended. */
  let round: Promise<void> = Promise.resolve();
  const placed = placing.then(() => undefined);
  const done = placing.then(keep);
  // What went wrong is told by `placed` and `close`.
  placed.catch((error: unknown) => {
    ended.abort(error);
  });
  done.catch(() => undefined);

  return {
    placed,
    async present() {
      try {
        for (;;) {
          const {lease} = await placing;
          const {kvs} = await driver.range({key, keysOnly: true}, {signal});
          if (kvs[0]?.lease === lease) return;
          await round;
        }
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
    },
    ended: signal,
    async close() {
      ended.abort(closed());
      await done;
    },
  };
}
