import {describe, it} from '@jest/globals';
import {namespaceTarget, testDriver, testKvi} from 'kvi-contract';
import {MemStore} from 'kvi-mem';

const store = new MemStore();
const whole = {
  open: () => Promise.resolve(store.driver()),
  leftovers: () => Promise.resolve(store.watchCount === 0 ? [] : [`${store.watchCount} watches`]),
};
// The hardest prefix to stay within: every key after it begins with it.
const part = namespaceTarget(whole, Uint8Array.of(0xff, 0xff));

testDriver('a namespace of kvi-mem', part, {describe, it});
testKvi('a namespace of kvi-mem', part, {describe, it});
