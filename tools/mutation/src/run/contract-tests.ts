/** The contract on the twin, whose clock runs ten times as fast. */
import {setTimeout as pause} from 'node:timers/promises';
import {describe, it} from '@jest/globals';
import {namespaceTarget, testDriver, testKvi} from 'kvi-contract';
import {ManualClock, MemStore} from 'kvi-mem';

const clock = new ManualClock();

/** In small steps, so that no lease expires while this thread waits for others. */
async function letTimePass(): Promise<never> {
  for (;;) {
    await pause(1);
    await clock.advance(10);
  }
}

void letTimePass();

const store = new MemStore({clock});
const target = {
  open: () => Promise.resolve(store.driver()),
  leftovers: () => Promise.resolve(store.watchCount === 0 ? [] : [`${store.watchCount} watches`]),
};

testDriver('kvi-mem', target, {describe, it});
testKvi('kvi-mem', target, {describe, it});
testDriver('a namespace of kvi-mem', namespaceTarget(target, Uint8Array.of(0xff, 0xff)), {describe, it});
