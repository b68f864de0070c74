/**
 * Leak checks and resets for tests on `mem:`, for any runner. `kvi-mem/jest` and `kvi-mem/vitest` set them up; with
 * `node:test`, by a
 * file that the tests are run with, `node --import ./setup.js --test`:
 *
 * ```js
 * import {afterEach, beforeEach} from 'node:test';
 * import {beginTest, endTest} from 'kvi-mem/testing';
 *
 * beforeEach(beginTest);
 * afterEach((test) => endTest({failed: !test.passed}));
 * ```
 *
 * Tests of one file share named stores, so tests that run concurrently cannot be checked.
 */
export {allowLeaks, beginTest, endTest} from './each-test.ts';
export {type KviMatchers, type MatcherContext, matchers} from './matchers.ts';
