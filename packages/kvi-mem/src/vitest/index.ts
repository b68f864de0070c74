/**
 * Leak checks, resets and matchers for tests on `mem:` in vitest, with one line of configuration:
 *
 * ```js
 * export default {test: {setupFiles: ['kvi-mem/vitest']}};
 * ```
 *
 * It does the same as `kvi-mem/jest`. By default (`sequence.hooks`), vitest runs `afterEach` hooks in reverse order, so
 * this one runs last.
 */
import {afterEach, beforeEach, expect} from 'vitest';
import {beginTest, endTest} from '../testing/each-test.ts';
import {type KviMatchers, matchers} from '../testing/matchers.ts';

export {allowLeaks} from '../testing/each-test.ts';
export type {KviMatchers};

declare module 'vitest' {
  // A merged interface has to repeat the type parameters exactly.
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type, @typescript-eslint/no-explicit-any, @typescript-eslint/no-unused-vars
  interface Matchers<T = any> extends KviMatchers<void> {}
}

expect.extend(matchers);
beforeEach(beginTest);
afterEach(({task}) => endTest({failed: task.result?.state === 'fail'}));
