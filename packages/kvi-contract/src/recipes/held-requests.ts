import type {Driver} from 'kvi-core/driver';
import {eventually} from '../kvi/helpers.ts';

/** A driver whose reads, or transactions, can be held up before they are sent. */
export interface HeldRequests {
  driver: Driver;
  hold: () => void;
  /** Sends what is held up. */
  letGo: () => void;
  /** Waits until so many are held up. */
  arrived: (count?: number) => Promise<void>;
}

export function heldRequests(own: Driver, which: 'range' | 'txn'): HeldRequests {
  let gate: {opened: Promise<void>; open: () => void} | undefined;
  let waiting = 0;

  async function pass<R>(send: () => Promise<R>): Promise<R> {
    waiting += 1;
    await gate?.opened;
    waiting -= 1;
    return send();
  }

  return {
    driver: {
      ...own,
      range: (...args) => (which === 'range' ? pass(() => own.range(...args)) : own.range(...args)),
      txn: (...args) => (which === 'txn' ? pass(() => own.txn(...args)) : own.txn(...args)),
    },
    hold() {
      let open: () => void = () => undefined;
      const opened = new Promise<void>((resolve) => (open = resolve));
      gate = {opened, open};
    },
    letGo() {
      gate?.open();
      gate = undefined;
    },
    arrived: (count = 1) =>
      eventually(() => Promise.resolve(waiting === count), `${String(count)} requests are about to be sent`),
  };
}
