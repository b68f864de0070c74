import {type Driver, type Event, eventBuffer, noLease} from 'kvi-core/driver';
import {handClock} from './hand-clock.ts';

export const key = Buffer.from('k');
export const change: Event<Uint8Array> = {
  type: 'put',
  kv: {key, value: Buffer.from('v'), createRevision: 2, modRevision: 2, version: 1, lease: noLease},
};

/** A driver that has one watch, which the test feeds. */
export function fed() {
  const buffer = eventBuffer({onEnd: () => undefined});
  buffer.created(1);
  const driver: Pick<Driver, 'clock' | 'watch'> = {clock: handClock(), watch: () => buffer.watch};
  // A watch needs no more of a driver.
  return {...buffer, driver: driver as Driver};
}
