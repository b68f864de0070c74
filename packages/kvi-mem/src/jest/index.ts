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
import {afterEach, beforeEach, expect} from '@jest/globals';
import {beginTest, endTest} from '../testing/each-test.ts';
import {type KviMatchers, matchers} from '../testing/matchers.ts';
import {runLast} from './run-last.ts';

export {allowLeaks} from '../testing/each-test.ts';
export type {KviMatchers};

// To add to an interface, its parameters and namespace have to be repeated as they are.
/* eslint-disable @typescript-eslint/no-empty-object-type, @typescript-eslint/no-namespace, @typescript-eslint/no-unused-vars */
declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends KviMatchers<R> {}
}
declare global {
  // Of @types/jest, for those who use the global `expect`.
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
