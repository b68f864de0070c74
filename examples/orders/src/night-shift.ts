import {type DistLock, isKviError, type Kvi} from 'kvi';
import {keys} from './keys.ts';

/** What all instances are started for, and only one does. */
export class NightShift {
  readonly #kv: Kvi;

  constructor(kv: Kvi) {
    this.#kv = kv;
  }

  /**
   * Runs a job, unless another instance is at one.
   *
   * @param job - gets a signal that aborts when the lock is lost: another instance may run the job from then on
   * @returns whether it ran
   * @throws `KVI_LOCK_LOST` when the lock was lost before the job was done
   */
  async run(job: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    const lock = await this.#tryLock();
    if (lock === undefined) return false;
    try {
      await job(lock.signal);
    } finally {
      // Throws when the lock was lost, which then matters more than how the job ended.
      await lock.release();
    }
    return true;
  }

  /** Zero seconds: try once, and do not wait. */
  async #tryLock(): Promise<DistLock | undefined> {
    try {
      return await this.#kv.distTimedLock(0, keys.nightLock);
    } catch (error) {
      if (isKviError(error, 'KVI_TIMEOUT')) return undefined;
      throw error;
    }
  }

  /** Writes the report of the day; a job for {@link NightShift.run}. */
  async report(signal?: AbortSignal): Promise<void> {
    const orders = await this.#kv.range({prefix: keys.orders}, {countOnly: true, signal});
    // As it was when the orders were counted, so that the two fit together.
    const stock = await this.#kv.getRange({prefix: keys.stock}, {revision: orders.revision, signal});
    const levels = stock.map(({key, value}) => `${value} ${key.slice(keys.stock.length)}`);
    await this.#kv.store(keys.report, `orders: ${orders.count}; in stock: ${levels.join(', ')}`, {signal});
  }

  /** Waits for the next report, whichever instance writes it. */
  async nextReport(): Promise<string | undefined> {
    const {value} = await this.#kv.watch(keys.report);
    return value;
  }

  /**
   * Takes stock, item by item; a second instance waits for its turn.
   *
   * @param count - counts an item in the warehouse
   */
  async takeStock(count: (item: string) => Promise<number>): Promise<void> {
    const lock = await this.#kv.distLock(keys.stocktakeLock);
    try {
      for (const {key, value} of await this.#kv.getRange({prefix: keys.stock})) {
        const counted = await count(key.slice(keys.stock.length));
        // An item that was sold meanwhile is left for the next time; without the lock, all are left to who has it now.
        await lock.guard({
          compare: [{key, target: 'value', result: '=', value}],
          success: [{type: 'put', key, value: String(counted)}],
        });
      }
    } finally {
      await this.#kv.distUnlock(keys.stocktakeLock);
    }
  }
}
