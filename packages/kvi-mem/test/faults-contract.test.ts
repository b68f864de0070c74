import {afterAll, beforeAll, describe, it} from '@jest/globals';
import {setTimeout as pause} from 'node:timers/promises';
import {testDriver, testKvi} from 'kvi-contract';
import {Faults, ManualClock, MemStore} from 'kvi-mem';

const clock = new ManualClock();
const store = new MemStore({clock});
const leftovers = () => Promise.resolve(store.watchCount === 0 ? [] : [`${store.watchCount} watches`]);

/** Ten times as fast as real time, in steps: no lease is lost while the machine is busy with other things. */
async function letTimePass(): Promise<void> {
  while (!ended.signal.aborted) {
    await pause(1);
    await clock.advance(10);
  }
}

const ended = new AbortController();
beforeAll(() => void letTimePass());
afterAll(() => ended.abort());

const quiet = {open: () => Promise.resolve(store.driver({faults: new Faults()})), leftovers};
testDriver('kvi-mem with a plan of no faults', quiet, {describe, it});
testKvi('kvi-mem with a plan of no faults', quiet, {describe, it});

const shared = new Faults();
const healed = {
  open() {
    const driver = store.driver({faults: shared});
    const txn: typeof driver.txn = async (request, options) => {
      shared.dropWatches();
      try {
        return await driver.txn(request, options);
      } finally {
        shared.partition();
        shared.heal();
      }
    };
    return Promise.resolve({...driver, txn});
  },
  leftovers,
};
testDriver('kvi-mem that is cut off and healed around every transaction', healed, {describe, it});
