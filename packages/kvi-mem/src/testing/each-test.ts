import {setImmediate as otherWorkDone} from 'node:timers/promises';
import {lastCall} from '../call-traces.ts';
import {MemStore} from '../mem-store.ts';
import {describeResources, type OpenResource} from '../open-resource.ts';
import {onOpening, type Resources, traceResources} from '../resources.ts';

/** The stores on which the present test opened something. */
const used = new Set<Resources>();
/** The last call before the present test: what was opened for all tests is not the test's. */
let lastBefore = 0;
let leaksAllowed = false;

traceResources();
onOpening((resources) => used.add(resources));

/** Call it before each test, in a hook. */
export function beginTest(): void {
  used.clear();
  leaksAllowed = false;
  lastBefore = lastCall();
}

/**
 * Call it after each test, in a hook that comes after those that close what the test opened. Cuts off the handles that are
 * still open, and resets every named store, those of `mem:` and `mem:NAME`.
 *
 * @param test.failed whether the test failed: then what it left open is no news, for it did not come to its end
 * @throws Error that names what the test opened, on any store of this process, and did not close
 */
export async function endTest({failed = false}: {failed?: boolean | undefined} = {}): Promise<void> {
  let left = leaks();
  if (left.length > 0) {
    // What a test closes without waiting for it may take a moment.
    await otherWorkDone();
    left = leaks();
  }
  for (const resources of used) resources.cutOffSince(lastBefore);
  MemStore.resetNamed();
  if (left.length > 0 && !leaksAllowed && !failed) throw leakError(left);
}

/**
 * Lets the present test leave open what it opened. In a setup file of your own, `beforeEach(allowLeaks)` lets every test.
 */
export function allowLeaks(): void {
  leaksAllowed = true;
}

function leaks(): OpenResource[] {
  return Array.from(used)
    .flatMap((resources) => resources.list())
    .filter(({number}) => number > lastBefore);
}

/** An error whose stack, and the code that a runner shows with it, is that of the first leak. */
function leakError(left: readonly OpenResource[]): Error {
  const error = new Error(describeResources(left));
  const frames = left[0]?.stack.split('\n').map((frame) => `    ${frame}`) ?? [];
  error.stack = [`${error.name}: ${error.message}\n`, ...frames].join('\n');
  return error;
}
