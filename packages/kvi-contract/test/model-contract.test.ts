import {afterAll, beforeAll, describe, it} from '@jest/globals';
import {setTimeout as pause} from 'node:timers/promises';
import {modelDriver, modelStore, testDriver, testKvi} from 'kvi-contract';
import {handClock} from '../../kvi-core/test/hand-clock.ts';

const clock = handClock();
const store = modelStore({clock});
const target = {
  open: () => Promise.resolve(modelDriver(store)),
  leftovers: () => Promise.resolve(store.listenerCount > 0 ? ['watches'] : []),
};

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

testDriver('The model', target, {describe, it});
testKvi('The model', target, {describe, it});
