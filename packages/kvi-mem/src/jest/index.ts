/**
 * What tests on `mem:` want of jest, by one line of its configuration:
 *
 * ```js
 * export default {setupFilesAfterEnv: ['kvi-mem/jest']};
 * ```
 *
 * After each test, whatever it has opened on any store of this process and not closed makes it fail, with the line that
 * opened it; and every named store, those of `mem:` and `mem:NAME`, is reset. `expect` gets the {@link KviMatchers}.
 *
 * Tests of one file share what they name, so `test.concurrent`, whose tests have no hooks, is not looked after.
 */
import {setImmediate as otherWorkDone} from 'node:timers/promises';
import {afterEach, beforeEach, expect} from '@jest/globals';
import {lastCall} from '../call-traces.ts';
import {MemStore} from '../mem-store.ts';
import {describeResources, type OpenResource} from '../open-resource.ts';
import {onOpening, type Resources, traceResources} from '../resources.ts';
import {matchers} from './matchers.ts';
import {runLast} from './run-last.ts';

export type {KviMatchers} from './matchers.ts';

/** The stores on which the present test opened something. */
const used = new Set<Resources>();
/** The last call before the present test: what `beforeAll` opened is not the test's. */
let lastBefore = 0;
let leaksAllowed = false;

/**
 * Lets the present test leave open what it opened. In a setup file of your own, `beforeEach(allowLeaks)` lets every test.
 */
export function allowLeaks(): void {
  leaksAllowed = true;
}

traceResources();
onOpening((resources) => used.add(resources));
expect.extend(matchers);

beforeEach(() => {
  used.clear();
  leaksAllowed = false;
  lastBefore = lastCall();
});

const last = runLast(cleanUp);
afterEach(cleanUp);

async function cleanUp(): Promise<void> {
  let left = leaks();
  if (left.length > 0) {
    // What a test closes without waiting for it may take a moment.
    await otherWorkDone();
    left = leaks();
  }
  for (const resources of used) resources.cutOffSince(lastBefore);
  MemStore.resetNamed();
  // A test that failed did not come to its end, where it would have closed what it opened.
  if (left.length > 0 && !leaksAllowed && !last.testFailed()) throw leakError(left);
}

function leaks(): OpenResource[] {
  return Array.from(used)
    .flatMap((resources) => resources.list())
    .filter(({number}) => number > lastBefore);
}

/** An error whose stack, and the code that jest shows with it, is that of the first leak. */
function leakError(left: readonly OpenResource[]): Error {
  const error = new Error(describeResources(left));
  const frames = left[0]?.stack.split('\n').map((frame) => `    ${frame}`) ?? [];
  error.stack = [`${error.name}: ${error.message}\n`, ...frames].join('\n');
  return error;
}
