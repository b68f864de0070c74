import {describe, it} from '@jest/globals';
import {testDriver, testKvi} from 'kvi-contract';
import {tinyStore} from './tiny-driver.ts';

const store = tinyStore();
const target = {
  open: () => Promise.resolve(store.open()),
  leftovers: () => Promise.resolve(store.openWatches() > 0 ? ['watches'] : []),
};

testDriver('A driver of a third party', target, {describe, it});
testKvi('A driver of a third party', target, {describe, it});
