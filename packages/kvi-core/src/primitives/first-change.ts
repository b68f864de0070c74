import {type WaitOptions, withDeadline} from '../async/deadline.ts';
import type {Driver} from '../driver/driver.ts';
import {type Bytes, show} from '../etcd/bytes.ts';
import {KviError} from '../etcd/errors.ts';
import type {Event} from '../etcd/messages.ts';

/** Waits for the first change of a key after this call. */
export async function firstChange(driver: Driver, key: Bytes, wait: WaitOptions): Promise<Event<Bytes>> {
  return withDeadline(driver.clock, wait, async (signal) => {
    for await (const {events} of driver.watch({key}, {signal})) {
      const [first] = events;
      if (first !== undefined) return first;
    }
    throw new KviError('KVI_INTERNAL', `the watch of ${show(key)} ended without a change`);
  });
}
