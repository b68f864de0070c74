import {describe, expect, it} from '@jest/globals';
import {closed, type Driver, type Event, eventBuffer, KviError, noLease} from 'kvi-core/driver';
import {callbackWatchTable} from '../src/primitives/callback-watches.ts';
import {handClock} from './hand-clock.ts';

const key = Buffer.from('k');
const change: Event<Uint8Array> = {
  type: 'put',
  kv: {key, value: Buffer.from('v'), createRevision: 2, modRevision: 2, version: 1, lease: noLease},
};

/** A driver that has one watch, which the test feeds. */
function fed() {
  const buffer = eventBuffer({onEnd: () => undefined});
  buffer.created(1);
  const driver: Pick<Driver, 'clock' | 'watch'> = {clock: handClock(), watch: () => buffer.watch};
  // A watch needs no more of a driver.
  return {...buffer, driver: driver as Driver};
}

async function startFailing(onError?: (error: unknown) => unknown) {
  const {driver, fail} = fed();
  const request = {key, op: 'put' as const, callback: () => undefined};
  const handle = await callbackWatchTable(driver).start({...request, onError}, {});
  return {handle, fail};
}

describe('A watch with a callback', () => {
  it('tells its onError what ends it', async () => {
    const errors: unknown[] = [];
    const {handle, fail} = await startFailing((error) => errors.push(error));
    const error = new KviError('KVI_SLOW_CONSUMER', 'made to fail');
    fail(error);
    await handle.ended;
    expect(errors).toEqual([error]);
  });

  it('takes the end of its handle for no error', async () => {
    const errors: unknown[] = [];
    const {handle, fail} = await startFailing((error) => errors.push(error));
    fail(closed());
    await handle.ended;
    expect(errors).toEqual([]);
  });

  it('calls its callback where no handle closes', async () => {
    const {driver, push, watch} = fed();
    const values: unknown[] = [];
    const request = {key, op: 'put' as const};
    const callback = ({value}: {value: Uint8Array}) => {
      values.push(String(value));
      return false;
    };
    const handle = await callbackWatchTable(driver).start({...request, callback}, {});
    push({revision: 2, events: [change]});
    await handle.ended;
    await watch.return();
    expect(values).toEqual(['v']);
  });

  it('warns of what ends it where nobody gave an onError', async () => {
    const warnings: unknown[] = [];
    const emitWarning = process.emitWarning.bind(process);
    process.emitWarning = (warning) => warnings.push(warning);
    try {
      const {handle, fail} = await startFailing();
      fail(new KviError('KVI_SLOW_CONSUMER', 'made to fail'));
      await handle.ended;
    } finally {
      process.emitWarning = emitWarning;
    }
    expect(warnings).toEqual([expect.stringMatching(/callback watch failed: .*made to fail/)]);
  });
});
