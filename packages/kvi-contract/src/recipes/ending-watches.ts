import type {Driver, DriverWatch, KviError} from 'kvi-core/driver';
import {eventually} from '../kvi/helpers.ts';

/** A driver whose watches can be made to fail. */
export interface EndingWatches {
  driver: Driver;
  /** Waits for a watch, and ends it with this error. */
  endWatch: (error: KviError) => Promise<void>;
}

export function endingWatches(own: Driver): EndingWatches {
  const ends: ((error: KviError) => void)[] = [];

  function watch(...args: Parameters<Driver['watch']>): DriverWatch {
    const source = own.watch(...args);
    const end = new Promise<never>((_, reject) => ends.push(reject));
    end.catch(() => undefined);
    const ending: DriverWatch = {
      created: source.created,
      requestProgress: () => source.requestProgress(),
      next: () => Promise.race([source.next(), end]),
      return: () => source.return(),
      [Symbol.asyncIterator]: () => ending,
    };
    return ending;
  }

  return {
    driver: {...own, watch},
    async endWatch(error) {
      await eventually(() => Promise.resolve(ends.length > 0), 'a watch is started');
      ends.shift()?.(error);
    },
  };
}
