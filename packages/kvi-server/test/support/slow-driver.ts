import type {Driver, DriverCallOptions} from 'kvi-core/driver';
import {MemStore} from 'kvi-mem';

export const slowKey = Buffer.from('slow');

/** A driver whose calls on {@link slowKey}, and on those below it, take until they are let go, whatever their signal says. */
export class SlowDriver {
  readonly store = new MemStore();
  readonly driver: Driver;
  /** Calls that are under way. */
  waiting: {readonly signal: AbortSignal | undefined; readonly letGo: () => void}[] = [];
  readonly #inner = this.store.driver();

  constructor() {
    const inner = this.#inner;
    this.driver = {
      ...inner,
      range: async (request, options) => {
        await this.#enter([request], options);
        return inner.range(request);
      },
      txn: async (request, options) => {
        await this.#enter(request.success ?? [], options);
        return inner.txn(request);
      },
    };
  }

  #enter(ops: readonly object[], {signal}: DriverCallOptions = {}): Promise<void> {
    const isSlow = ops.some((op) => 'key' in op && String(op.key).startsWith('slow'));
    return isSlow ? new Promise((letGo) => this.waiting.push({signal, letGo})) : Promise.resolve();
  }

  letGo(): void {
    for (const {letGo} of this.waiting.splice(0)) letGo();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
