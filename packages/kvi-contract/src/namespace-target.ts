import {createKvi, type Kvi, type KviOptions} from 'kvi-core';
import {type Bytes, type Clock, type Driver, namespaced} from 'kvi-core/driver';
import {namespace} from 'kvi-core/recipes';
import type {ContractTarget} from './suite.ts';

/** A part of a target, under which its driver and its facade have to keep the whole contract too. */
export function namespaceTarget(target: ContractTarget, prefix: Bytes): ContractTarget {
  /** The drivers of the whole store. The suite wraps those of the part, but leaves them their clocks. */
  const wholes = new WeakMap<Clock, Driver>();

  async function open(): Promise<Driver> {
    const whole = await target.open();
    const part = namespaced(whole, prefix);
    const clock: Clock = {
      now: () => part.clock.now(),
      setTimer: (delayMs, callback) => part.clock.setTimer(delayMs, callback),
    };
    wholes.set(clock, whole);
    return {
      ...part,
      clock,
      async close() {
        await part.close();
        await whole.close();
      },
    };
  }

  /** A namespace of a handle, which closes the handle. */
  function createInNamespace(driver: Driver, options?: KviOptions): Kvi {
    const whole = wholes.get(driver.clock);
    if (whole === undefined) throw new Error('the suite passes the drivers that were opened');
    const parent = createKvi(whole, options);
    const close = () => parent.close();
    return {...namespace(parent, prefix), close, [Symbol.asyncDispose]: close};
  }

  return {...target, open, createKvi: createInNamespace};
}
