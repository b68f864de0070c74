import type {Driver} from '../driver/driver.ts';
import {withDeadline} from '../async/deadline.ts';
import {retryUntil} from '../async/retry-until.ts';
import {type Bytes, show} from '../etcd/bytes.ts';
import {closed, isKviError, KviError, refusalOf} from '../etcd/errors.ts';
import {giveUpMs} from '../lease/grant.ts';
import type {SessionSource} from '../lease/session-pool.ts';
import type {Session} from '../lease/session.ts';

/** What to keep. */
export interface EphemeralKeyRequest {
  key: Bytes;
  value: Bytes;
  ttlSeconds: number;
}

/** Keeps one key in the store for as long as the process lives. */
export interface EphemeralKey {
  /** Resolves when the key is there for the first time; rejects when it could not be put. */
  readonly placed: Promise<void>;
  /** Resolves when the store says that the key exists; rejects with the reason of `ended` when it is no longer kept. */
  present(): Promise<void>;
  /** Aborts when the key is no longer kept; the reason says why. */
  readonly ended: AbortSignal;
  /**
   * Deletes the key. Closing twice is fine.
   *
   * @param reason - what `ended` aborts with
   * @throws what {@link Session.close} throws; the key goes within its TTL then
   */
  close(reason?: unknown): Promise<void>;
}

/** Puts a key under a lease of its own, and puts it back when that lease was lost. */
export function ephemeralKey(
  driver: Driver,
  sessions: SessionSource,
  {key, value, ttlSeconds}: EphemeralKeyRequest,
): EphemeralKey {
  const ended = new AbortController();
  const {signal} = ended;
  /** Sessions under which a put may still be on its way: none of them may serve another key. */
  const unsettled = new WeakSet<Session>();

  async function place(): Promise<Session> {
    for (let fresh = false; ; fresh = true) {
      const session = await sessions.take(ttlSeconds, signal, {fresh});
      try {
        await putUnder(session);
        return session;
      } catch (error) {
        await session.close({timeoutMs: giveUpMs}).catch(() => undefined);
        // The lease had ended before the key arrived; another may fare better.
        if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
      }
    }
  }

  async function putUnder(session: Session): Promise<void> {
    const {lease} = session;
    await retryUntil(
      driver.clock,
      signal,
      () => driver.txn({success: [{type: 'put', key, value, lease}]}, {signal}),
      (error) => {
        unsettled.add(session);
        // Putting the same under the same lease twice changes nothing.
        return isKviError(error, 'KVI_UNKNOWN_OUTCOME') && refusalOf(error) === undefined;
      },
    );
  }

  /** Deletes the key. Its session then serves another key, if this one is known to be gone for good. */
  async function giveUp(session: Session): Promise<void> {
    if (session.isAlive() && !unsettled.has(session) && (await isDeleted(session)))
      sessions.giveBack(session);
    else await session.close({timeoutMs: giveUpMs});
  }

  async function isDeleted({lease}: Session): Promise<boolean> {
    try {
      // Somebody may have overwritten the key, and then it is theirs.
      const {succeeded} = await driver.txn(
        {
          compare: [{key, target: 'lease', result: '=', lease}],
          success: [{type: 'deleteRange', key}],
        },
        {timeoutMs: giveUpMs},
      );
      return succeeded;
    } catch {
      // Revoking the lease deletes the key as well.
      return false;
    }
  }

  /** Resolves when the lease has ended. Stops keeping the key if somebody deleted or overwrote it. */
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
      if (!lost.aborted && !isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
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

  /** Tells a loss from the end that the caller gave to the lease it lent. */
  function endOfLease({signal: {reason}}: Session): KviError {
    return isKviError(reason, 'KVI_CLOSED') ? reason : taken('lost with its lease');
  }

  function taken(how: string): KviError {
    return new KviError('KVI_KEY_LOST', `the temporary key ${show(key)} was ${how}`);
  }

  /** Keeps the key, whatever happens to the backend, until `ended`. */
  async function keep(first: Session): Promise<void> {
    let session = first;
    try {
      for (;;) {
        const current = session;
        round = retryUntil(driver.clock, signal, () => untilLost(current));
        await round;
        if (sessions.isLent) ended.abort(endOfLease(current));
        placing = retryUntil(driver.clock, signal, () => putBack(current));
        session = await placing;
      }
    } catch {
      // `ended` has aborted; nothing else gets here.
    } finally {
      await giveUp(session);
    }
  }

  async function putBack(old: Session): Promise<Session> {
    signal.throwIfAborted();
    await old.close({timeoutMs: giveUpMs}).catch(() => undefined);
    return place();
  }

  let placing = place();
  /** Settles when the present lease is lost, or the key is no longer kept. */
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
    async close(reason: unknown = closed()) {
      ended.abort(reason);
      await done;
    },
  };
}
