import {setImmediate as otherWorkDone} from 'node:timers/promises';
import {lastCall} from '../call-traces.ts';
import {MemStore} from '../mem-store.ts';
import {describeResources, type OpenResource} from '../open-resource.ts';
import {onOpening, type Resources, traceResources} from '../resources.ts';

/** The stores on which the current test opened something. */
const used = new Set<Resources>();
/** The last call before the current test: resources opened for all tests do not belong to it. */
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
 * Call it after each test, in a hook that runs after those that close what the test opened. It cuts off the handles that
 * are still open, and resets every named store, those of `mem:` and `mem:NAME`.
 *
 * @param test.failed whether the test failed: leaks are not reported then, since the test did not reach its end
 * @throws Error that names what the test opened, on any store of this process, and did not close
 */
export async function endTest({failed = false}: {failed?: boolean | undefined} = {}): Promise<void> {
  let left = leaks();
  if (left.length > 0) {
    // A resource that a test closes without awaiting it may take a moment.
    await otherWorkDone();
    left = leaks();
  }
  for (const resources of used) resources.cutOffSince(lastBefore);
  MemStore.resetNamed();
  if (left.length > 0 && !leaksAllowed && !failed) throw leakError(left);
}

/**
 * Allows the current test to leave resources open. In a setup file of your own, `beforeEach(allowLeaks)` allows it for
 * every test.
 */
export function allowLeaks(): void {
  leaksAllowed = true;
}

function leaks(): OpenResource[] {
  return Array.from(used)
    .flatMap((resources) => resources.list())
    .filter(({number}) => number > lastBefore);
}

/** An error with the stack of the first leak, so that a runner shows the code there. */
function leakError(left: readonly OpenResource[]): Error {
  const error = new Error(describeResources(left));
  const frames = left[0]?.stack.split('\n').map((frame) => `    ${frame}`) ?? [];
  error.stack = [`${error.name}: ${error.message}\n`, ...frames].join('\n');
  return error;
}
