import {describe, expect, it} from '@jest/globals';
import {closed, KviError} from 'kvi-core/driver';
import {callbackWatchTable} from '../src/primitives/callback-watches.ts';
import {change, fed, key} from './fed-driver.ts';

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
