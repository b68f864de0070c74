import type {Timer} from '../async/clock.ts';
import type {Driver} from '../driver/driver.ts';
import {giveUpMs} from './grant.ts';
import {openSession, type Session} from './session.ts';

/** Where a lock or a temporary key gets its session from. */
export interface SessionSource {
  /** Whether the session belongs to a caller's lease, so that there is no other. */
  readonly isLent: boolean;
  /**
   * A session whose lease holds no key: one that is free, or a new one.
   *
   * @param options - `fresh`: a new one, since the lease of one that is free may have been revoked by an operator
   */
  take(ttlSeconds: number, signal: AbortSignal, options?: {fresh?: boolean}): Promise<Session>;
  /**
   * Takes a session back. Its lease must hold no key, and every request that put one must have been answered: a put that
   * arrives late would leave an orphaned key. Close any other session instead.
   */
  giveBack(session: Session): void;
}

/**
 * Sessions that serve one key after another, so that a lock or a temporary key need not grant and revoke a lease each time.
 * At any time a lease holds one key, or none.
 */
export interface SessionPool extends SessionSource {
  /** Revokes the leases of the free sessions. Resolves when none is being revoked any more. Never throws. */
  close(): Promise<void>;
}

interface FreeSession {
  session: Session;
  /** What was asked for; the backend may have granted more. */
  ttlSeconds: number;
  /** Ends the session if nobody takes it in time. */
  expiry: Timer;
}

/** Sessions that are kept for later use; further ones are closed. */
const maxFree = 16;

/** Keeps the sessions of a handle that are free. */
export function sessionPool(driver: Driver): SessionPool {
  const free = new Set<FreeSession>();
  const askedTtls = new WeakMap<Session, number>();
  /** Leases that are being revoked. */
  const ending = new Set<Promise<void>>();
  let isClosed = false;

  function end(session: Session): void {
    const ended = session
      .close({timeoutMs: giveUpMs})
      .catch(() => undefined)
      .finally(() => ending.delete(ended));
    ending.add(ended);
  }

  function expire(entry: FreeSession): void {
    remove(entry);
    end(entry.session);
  }

  function remove(entry: FreeSession): void {
    free.delete(entry);
    entry.expiry.cancel();
  }

  /** The one that was given back last: of those that are not needed, all can then expire. */
  function takeFree(ttlSeconds: number): Session | undefined {
    for (const entry of [...free].reverse()) {
      if (!entry.session.isAlive()) remove(entry);
      else if (entry.ttlSeconds === ttlSeconds) {
        remove(entry);
        return entry.session;
      }
    }
    return undefined;
  }

  return {
    isLent: false,
    async take(ttlSeconds, signal, {fresh = false} = {}) {
      signal.throwIfAborted();
      const session =
        (fresh ? undefined : takeFree(ttlSeconds)) ?? (await openSession(driver, ttlSeconds, signal));
      askedTtls.set(session, ttlSeconds);
      return session;
    },
    giveBack(session) {
      if (!session.isAlive()) return;
      const ttlSeconds = askedTtls.get(session);
      if (isClosed || ttlSeconds === undefined || free.size >= maxFree) {
        end(session);
        return;
      }
      const expiry = driver.clock.setTimer(ttlSeconds * 1000, () => expire(entry)).unref();
      const entry: FreeSession = {session, ttlSeconds, expiry};
      free.add(entry);
    },
    async close() {
      isClosed = true;
      free.forEach(expire);
      // Also of those that were given back when there were enough, or that come back only now.
      while (ending.size > 0) await Promise.all(ending);
    },
  };
}
