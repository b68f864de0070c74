/**
 * Leak checks, resets and matchers for tests on `mem:` in jest, with one line of configuration:
 *
 * ```js
 * export default {setupFilesAfterEnv: ['kvi-mem/jest']};
 * ```
 *
 * A test fails if it leaves anything open on any store of this process; the error shows the line that opened it. After
 * each test, every named store, those of `mem:` and `mem:NAME`, is reset. `expect` gets the {@link KviMatchers}.
 *
 * Tests of one file share named stores, and `test.concurrent` runs no hooks, so its tests are not checked.
 */
import {afterEach, beforeEach, expect} from '@jest/globals';
import {beginTest, endTest} from '../testing/each-test.ts';
import {type KviMatchers, matchers} from '../testing/matchers.ts';
import {runLast} from './run-last.ts';

export {allowLeaks} from '../testing/each-test.ts';
export type {KviMatchers};

// A merged interface has to repeat the namespace and type parameters exactly.
/* eslint-disable @typescript-eslint/no-empty-object-type, @typescript-eslint/no-namespace, @typescript-eslint/no-unused-vars */
declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends KviMatchers<R> {}
}
declare global {
  // From @types/jest, for the global `expect`.
  namespace jest {
    interface Matchers<R, T> extends KviMatchers<R> {}
  }
}
/* eslint-enable @typescript-eslint/no-empty-object-type, @typescript-eslint/no-namespace, @typescript-eslint/no-unused-vars */

expect.extend(matchers);
beforeEach(beginTest);
const last = runLast(cleanUp);
afterEach(cleanUp);

function cleanUp(): Promise<void> {
  return endTest({failed: last.testFailed()});
}
