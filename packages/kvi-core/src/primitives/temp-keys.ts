import type {TempKey} from '../api/temp-key.ts';
import {onAbort, type Signals} from '../async/abort.ts';
import {abortable, type WaitOptions, withDeadline} from '../async/deadline.ts';
import type {Driver} from '../driver/driver.ts';
import {closed, isKviError, KviError} from '../etcd/errors.ts';
import {keyId} from '../etcd/key-range.ts';
import {lentSession} from '../lease/lent-session.ts';
import type {SessionPool} from '../lease/session-pool.ts';
import type {Session} from '../lease/session.ts';
import {type EphemeralKey, ephemeralKey, type EphemeralKeyRequest} from './ephemeral-key.ts';
import type {Holdings} from './holdings.ts';

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
  /** By key, the newest last: what is in the store or on its way there, including what is being given up. */
  const all = new Map<string, readonly SharedKey[]>();

  const withKey = (id: string) => all.get(id) ?? [];

  async function forgetOnceGone(id: string, entry: SharedKey): Promise<void> {
    await entry.kept.close().catch(() => undefined);
    const others = withKey(id).filter((each) => each !== entry);
    // Stryker disable next-line ConditionalExpression: this only frees memory
    if (others.length === 0) all.delete(id);
    else all.set(id, others);
  }

  return {
    share({session, replaces = false, ...request}) {
      const id = keyId(request.key);
      const found = withKey(id).findLast(({kept}) => !kept.ended.aborted);
      if (found !== undefined && !replaces) return found;
      const source = session === undefined ? sessions : lentSession(driver, session, request.key);
      const entry = {kept: ephemeralKey(driver, source, request), session, users: 0};
      all.set(id, [...withKey(id), entry]);
      onAbort(entry.kept.ended, () => void forgetOnceGone(id, entry));
      return entry;
    },
    rivalOf({key, session, replaces}) {
      if (session === undefined) return undefined;
      const isRival = (other: SharedKey) =>
        other.session === session && (replaces === true || other.kept.ended.aborted);
      return withKey(keyId(key)).find(isRival)?.kept;
    },
    async close() {
      await Promise.allSettled([...all.values()].flat().map(({kept}) => kept.close(closed())));
    },
  };
}

/** The temporary keys that a handle uses. */
export interface TempKeyTable {
  /** Resolves when the key is there. */
  keep(request: TempKeyRequest, wait: WaitOptions): Promise<TempKey>;
}

/**
 * Counts who uses which temporary key of a handle. A key goes when the last of its users has closed it.
 *
 * @param closing - aborts when the handle closes, and ends every wait
 * @param holdings - of the handle: its keys are given up with it
 */
export function tempKeyTable(
  driver: Driver,
  shared: SharedTempKeys,
  closing: Signals,
  holdings: Holdings,
): TempKeyTable {
  /** Shares the key that is kept, or puts it, and waits until the key is there. */
  async function take(request: TempKeyRequest, ended: AbortSignal): Promise<TempKey> {
    for (let rival = shared.rivalOf(request); rival !== undefined; rival = shared.rivalOf(request)) {
      await rival.close(keyReplaced()).catch(() => undefined);
    }
    const entry = shared.share(request);
    const {kept} = entry;
    entry.users += 1;
    const over = new AbortController();

    async function leave(reason: unknown): Promise<void> {
      ignoreEnd();
      over.abort(reason);
      entry.users -= 1;
      try {
        if (entry.users === 0) await kept.close(reason);
      } finally {
        release();
      }
    }

    let left: Promise<void> | undefined;
    const end = (reason: unknown) => (left ??= leave(reason));
    const release = holdings.add(() => end(closed()));
    const ignoreEnd = onAbort(kept.ended, (reason) => {
      end(reason).catch(() => undefined);
    });
    try {
      await abortable(entry.users === 1 ? kept.placed : kept.present(), ended);
    } catch (error) {
      try {
        // What ended the key says more than what failed because of it.
        kept.ended.throwIfAborted();
        throw error;
      } finally {
        await end(keyClosed()).catch(() => undefined);
      }
    }
    const close = () => end(keyClosed());
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
  };
}

function keyReplaced(): KviError {
  return new KviError('KVI_KEY_LOST', 'the temporary key was replaced by another of this handle');
}

function keyClosed(): KviError {
  return new KviError('KVI_CLOSED', 'the temporary key was closed');
}
