import {describe, it} from '@jest/globals';
import {testDriver, testKvi} from 'kvi-contract';
import {MemStore} from 'kvi-mem';

const store = new MemStore();
const target = {
  open: () => Promise.resolve(store.driver({coalesce: true})),
  leftovers: () => Promise.resolve(store.watchCount === 0 ? [] : [`${store.watchCount} watches`]),
};

testDriver('kvi-mem, coalesced', target, {describe, it});
testKvi('kvi-mem, coalesced', target, {describe, it});
