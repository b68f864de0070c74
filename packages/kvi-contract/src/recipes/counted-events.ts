import type {Driver, DriverWatch} from 'kvi-core/driver';
import {eventually} from '../kvi/helpers.ts';

/** A driver, and what has become of the events of its watches. */
export interface CountedEvents {
  driver: Driver;
  /** Waits until whoever reads the watches has had that number of events, and asks for more. */
  arrived: (count: number) => Promise<void>;
}

export function countedEvents(own: Driver): CountedEvents {
  let delivered = 0;
  let read = 0;

  function watch(...args: Parameters<Driver['watch']>): DriverWatch {
    const source = own.watch(...args);
    const counting: DriverWatch = {
      created: source.created,
      requestProgress: () => source.requestProgress(),
      async next() {
        read = delivered;
        const result = await source.next();
        if (result.done !== true) delivered += result.value.events.length;
        return result;
      },
      return: () => source.return(),
      [Symbol.asyncIterator]: () => counting,
    };
    return counting;
  }

  return {
    driver: {...own, watch},
    arrived: (count) => eventually(() => Promise.resolve(read >= count), `${String(count)} events were read`),
  };
}
