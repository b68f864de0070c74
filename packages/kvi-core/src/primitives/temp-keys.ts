import type {Driver} from '../driver/driver.ts';
import {isKviError} from '../etcd/errors.ts';
import {type Keeper, keeper, type KeeperRequest} from './ephemeral-key.ts';
import type {TempKey} from '../api/kvi.ts';
import {abortable, type WaitOptions, withDeadline} from '../async/deadline.ts';

/** The temporary keys of a handle. */
export interface TempKeyTable {
  /** Resolves when the key is there. */
  keep(request: KeeperRequest, limits: WaitOptions): Promise<TempKey>;
  /** Gives up all keys. Never throws. */
  close(): Promise<void>;
}

/**
 * Keeps the temporary keys of a handle, each once however often it is asked for: a key goes when the last of those who
 * asked has closed it.
 *
 * @param closing - aborts when the handle closes, and ends every wait
 */
export function tempKeyTable(driver: Driver, closing: AbortSignal): TempKeyTable {
  const shared = new Map<string, {keeper: Keeper; users: number}>();
  /** All that have something in the store, or on its way there: those that are being given up, too. */
  const keepers = new Set<Keeper>();

  function share(request: KeeperRequest) {
    const id = Buffer.from(request.key).toString('latin1');
    const found = shared.get(id);
    if (found !== undefined) return found;
    const entry = {keeper: keeper(driver, request), users: 0};
    shared.set(id, entry);
    keepers.add(entry.keeper);
    entry.keeper.ended.addEventListener('abort', () => {
      shared.delete(id);
      void forget(entry.keeper);
    });
    return entry;
  }

  // Stryker disable next-line BlockStatement: this only frees memory; closing twice does nothing
  async function forget(kept: Keeper): Promise<void> {
    await kept.close().catch(() => undefined);
    keepers.delete(kept);
  }

  /** Shares the keeper of the key, or makes one, and waits until the key is there. */
  async function take(request: KeeperRequest, ended: AbortSignal): Promise<TempKey> {
    const entry = share(request);
    entry.users += 1;
    let left: Promise<void> | undefined;
    const leave = async () => {
      entry.users -= 1;
      if (entry.users === 0) await entry.keeper.close();
    };
    const close = () => (left ??= leave());
    try {
      await abortable(entry.users === 1 ? entry.keeper.placed : entry.keeper.present(), ended);
    } catch (error) {
      await close().catch(() => undefined);
      throw error;
    }
    return {signal: entry.keeper.ended, close, [Symbol.asyncDispose]: close};
  }

  return {
    async keep(request, limits) {
      return withDeadline(driver.clock, {...limits, closing}, async (ended) => {
        for (;;) {
          try {
            return await take(request, ended);
          } catch (error) {
            // It was to be shared, but somebody took it away, which its keeper had not heard of yet.
            if (!isKviError(error, 'KVI_KEY_LOST')) throw error;
          }
        }
      });
    },
    async close() {
      await Promise.allSettled(Array.from(keepers, (kept) => kept.close()));
    },
  };
}
