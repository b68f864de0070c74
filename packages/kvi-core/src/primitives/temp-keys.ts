import type {TempKey} from '../api/temp-key.ts';
import {onAbort} from '../async/abort.ts';
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

/** A key that is kept, and how many want it. */
interface SharedKey {
  kept: EphemeralKey;
  session: Session | undefined;
  users: number;
}

/** The temporary keys of a handle and of its namespaces, each kept once however often it is asked for. */
export interface SharedTempKeys {
  /** The key, which is put if nobody keeps it yet, or if it is to be replaced. */
  share(request: TempKeyRequest): SharedKey;
  /**
   * What has the key under the same lease, and must be gone before another comes: it is to be replaced, or is being given
   * up. The store could not tell the two apart, and would delete the new one with the old. A key under another lease finds
   * out by itself, and leaves no gap.
   */
  rivalOf(request: TempKeyRequest): EphemeralKey | undefined;
  /** Gives up all keys. Never throws. */
  close(): Promise<void>;
}

export function sharedTempKeys({driver, sessions}: {driver: Driver; sessions: SessionPool}): SharedTempKeys {
  const shared = new Map<string, SharedKey>();
  /** Everything that is in the store or on its way there, including what is being given up. */
  const all = new Set<SharedKey & {id: string}>();

  // Stryker disable next-line BlockStatement: this only frees memory; closing twice does nothing
  async function forget(entry: SharedKey & {id: string}): Promise<void> {
    await entry.kept.close(keyClosed()).catch(() => undefined);
    all.delete(entry);
  }

  return {
    share({session, replaces = false, ...request}) {
      const id = keyId(request.key);
      const found = shared.get(id);
      if (found !== undefined && !replaces) return found;
      const source = session === undefined ? sessions : lentSession(driver, session, request.key);
      const entry = {id, kept: ephemeralKey(driver, source, request), session, users: 0};
      shared.set(id, entry);
      all.add(entry);
      entry.kept.ended.addEventListener('abort', () => {
        if (shared.get(id) === entry) shared.delete(id);
        void forget(entry);
      });
      return entry;
    },
    rivalOf({key, session, replaces}) {
      if (session === undefined) return undefined;
      const id = keyId(key);
      for (const {kept, ...entry} of all) {
        const isRival = replaces === true || kept.ended.aborted;
        if (isRival && entry.id === id && entry.session === session) return kept;
      }
      return undefined;
    },
    async close() {
      await Promise.allSettled(Array.from(all, ({kept}) => kept.close(closed())));
    },
  };
}

/** The temporary keys that a handle uses. */
export interface TempKeyTable {
  /** Resolves when the key is there. */
  keep(request: TempKeyRequest, wait: WaitOptions): Promise<TempKey>;
  /** Gives up all keys. Never throws. */
  close(): Promise<void>;
}

/** One use of a key. */
interface Use {
  /** @param reason - what its signal aborts with */
  end(reason: KviError): Promise<void>;
}

/**
 * Counts who uses which temporary key of a handle. A key goes when the last of its users has closed it.
 *
 * @param closing - aborts when the handle closes, and ends every wait
 */
export function tempKeyTable(driver: Driver, shared: SharedTempKeys, closing: AbortSignal): TempKeyTable {
  /** Including what is being given up. */
  const uses = new Set<Use>();

  /** Shares the key that is kept, or puts it, and waits until the key is there. */
  async function take(request: TempKeyRequest, ended: AbortSignal): Promise<TempKey> {
    for (let rival = shared.rivalOf(request); rival !== undefined; rival = shared.rivalOf(request)) {
      await rival.close(keyReplaced()).catch(() => undefined);
    }
    const entry = shared.share(request);
    const {kept} = entry;
    entry.users += 1;
    const over = new AbortController();
    const ignoreEnd = onAbort(kept.ended, () => over.abort(kept.ended.reason));

    async function leave(reason: KviError): Promise<void> {
      ignoreEnd();
      over.abort(reason);
      entry.users -= 1;
      try {
        if (entry.users === 0) await kept.close(reason);
      } finally {
        uses.delete(use);
      }
    }

    let left: Promise<void> | undefined;
    const use: Use = {end: (reason) => (left ??= leave(reason))};
    uses.add(use);
    try {
      await abortable(entry.users === 1 ? kept.placed : kept.present(), ended);
    } catch (error) {
      try {
        // What ended the key says more than what failed because of it.
        kept.ended.throwIfAborted();
        throw error;
      } finally {
        await use.end(keyClosed()).catch(() => undefined);
      }
    }
    const close = () => use.end(keyClosed());
    return {signal: over.signal, close, [Symbol.asyncDispose]: close};
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
      await Promise.allSettled(Array.from(uses, (use) => use.end(closed())));
    },
  };
}

function keyReplaced(): KviError {
  return new KviError('KVI_KEY_LOST', 'the temporary key was replaced by another of this handle');
}

function keyClosed(): KviError {
  return new KviError('KVI_CLOSED', 'the temporary key was closed');
}
