import {describe, it} from '@jest/globals';
import {testDriver, testKvi} from 'kvi-core/contract';
import {Faults, MemStore} from 'kvi-mem';

const store = new MemStore();
const leftovers = () => Promise.resolve(store.watchCount === 0 ? [] : [`${store.watchCount} watches`]);

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
