/**
 * What tests on `mem:` want of any runner. `kvi-mem/jest` and `kvi-mem/vitest` set it up for theirs; with `node:test`, by a
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
 * Tests of one file share what they name, so those that run at the same time cannot be looked after.
 */
export {allowLeaks, beginTest, endTest} from './each-test.ts';
export {type KviMatchers, type MatcherContext, matchers} from './matchers.ts';
