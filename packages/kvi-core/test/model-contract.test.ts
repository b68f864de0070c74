import {describe, it} from '@jest/globals';
import {modelDriver, modelStore, testDriver, testKvi} from 'kvi-core/contract';

const store = modelStore();
const target = {
  open: () => Promise.resolve(modelDriver(store)),
  leftovers: () => Promise.resolve(store.listenerCount > 0 ? ['watches'] : []),
};

testDriver('The model', target, {describe, it});
testKvi('The model', target, {describe, it});
