import {describe, it} from '@jest/globals';
import {testDriver, testKvi} from 'kvi-contract';
import {MemStore} from 'kvi-mem';

const store = new MemStore();
const target = {
  open: () => Promise.resolve(store.driver()),
  leftovers: () => Promise.resolve(store.watchCount === 0 ? [] : [`${String(store.watchCount)} watches`]),
};

testDriver('kvi-mem', target, {describe, it});
testKvi('kvi-mem', target, {describe, it});
