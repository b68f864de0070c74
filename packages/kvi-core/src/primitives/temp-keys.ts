import type {TempKey} from '../api/temp-key.ts';
import {abortable, type WaitOptions, withDeadline} from '../async/deadline.ts';
import type {Driver} from '../driver/driver.ts';
import {closed, isKviError, KviError} from '../etcd/errors.ts';
import {keyId} from '../etcd/key-range.ts';
import {lentSession} from '../lease/lent-session.ts';
import type {SessionPool} from '../lease/session-pool.ts';
import type {Session} from '../lease/session.ts';
import {type EphemeralKey, ephemeralKey, type EphemeralKeyRequest} from './ephemeral-key.ts';

/** Which key to keep. */
export interface TempKeyRequest extends EphemeralKeyRequest {
  /** The session of a caller's lease. Absent: one of the handle's. */
  session?: Session | undefined;
  /** What becomes of a key that the handle keeps already. True: the new one replaces it. Default: they share it. */
  replaces?: boolean | undefined;
}

/** The temporary keys of a handle. */
export interface TempKeyTable {
  /** Resolves when the key is there. */
  keep(request: TempKeyRequest, wait: WaitOptions): Promise<TempKey>;
  /** Gives up all keys. Never throws. */
  close(): Promise<void>;
}

/**
 * Keeps the temporary keys of a handle, each once however often it is asked for. A key goes when the last of its users has
 * closed it.
 *
 * @param closing - aborts when the handle closes, and ends every wait
 */
export function tempKeyTable(
  {driver, sessions}: {driver: Driver; sessions: SessionPool},
  closing: AbortSignal,
): TempKeyTable {
  const shared = new Map<string, {kept: EphemeralKey; session: Session | undefined; users: number}>();
  /** Everything that is in the store or on its way there, including what is being given up. */
  const all = new Set<EphemeralKey>();

  function share({session, replaces = false, ...request}: TempKeyRequest) {
    const id = keyId(request.key);
    const found = shared.get(id);
    if (found !== undefined && !replaces) return found;
    const source = session === undefined ? sessions : lentSession(driver, session, request.key);
    const entry = {kept: ephemeralKey(driver, source, request), session, users: 0};
    shared.set(id, entry);
    all.add(entry.kept);
    entry.kept.ended.addEventListener('abort', () => {
      if (shared.get(id) === entry) shared.delete(id);
      void forget(entry.kept);
    });
    return entry;
  }

  /**
   * What has the key under the same lease, and must go before another comes: the store could not tell the two apart, nor
   * that one has replaced the other. A key under another lease finds out by itself, and leaves no gap.
   */
  function rivalOf({key, session, replaces}: TempKeyRequest): EphemeralKey | undefined {
    const found = shared.get(keyId(key));
    return replaces === true && session !== undefined && found?.session === session ? found.kept : undefined;
  }

  // Stryker disable next-line BlockStatement: this only frees memory; closing twice does nothing
  async function forget(kept: EphemeralKey): Promise<void> {
    await kept.close(keyClosed()).catch(() => undefined);
    all.delete(kept);
  }

  /** Shares the key that is kept, or puts it, and waits until the key is there. */
  async function take(request: TempKeyRequest, ended: AbortSignal): Promise<TempKey> {
    for (let rival = rivalOf(request); rival !== undefined; rival = rivalOf(request)) {
      await rival.close(keyReplaced()).catch(() => undefined);
    }
    const entry = share(request);
    entry.users += 1;
    let left: Promise<void> | undefined;
    const leave = async () => {
      entry.users -= 1;
      if (entry.users === 0) await entry.kept.close(keyClosed());
    };
    const close = () => (left ??= leave());
    try {
      await abortable(entry.users === 1 ? entry.kept.placed : entry.kept.present(), ended);
    } catch (error) {
      try {
        // What ended the key says more than what failed because of it.
        entry.kept.ended.throwIfAborted();
        throw error;
      } finally {
        await close().catch(() => undefined);
      }
    }
    return {signal: entry.kept.ended, close, [Symbol.asyncDispose]: close};
  }

  return {
    async keep(request, wait) {
      return withDeadline(driver.clock, {...wait, closing}, async (ended) => {
        for (;;) {
          try {
            return await take(request, ended);
          } catch (error) {
            // It was to be shared, but somebody took it away, which the handle had not heard of yet.
            if (request.replaces === true || !isKviError(error, 'KVI_KEY_LOST')) throw error;
          }
        }
      });
    },
    async close() {
      await Promise.allSettled(Array.from(all, (kept) => kept.close(closed())));
    },
  };
}

function keyReplaced(): KviError {
  return new KviError('KVI_KEY_LOST', 'the temporary key was replaced by another of this handle');
}

function keyClosed(): KviError {
  return new KviError('KVI_CLOSED', 'the temporary key was closed');
}
