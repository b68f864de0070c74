import Sequencer from '@jest/test-sequencer';

/** Files that take long, the longest first: one that begins last would keep a single processor busy at the end. */
const long = [
  /contract-namespace\.test/,
  /contract.*\.test/,
  /docs\/test\/examples\.test/,
  /(cluster|fuzz|battery|membership)\.test/,
];

/** Runs what takes long first. Jest itself goes by a file's size, until it knows better from an earlier run. */
export default class LongestFirst extends Sequencer {
  /** @param {import('@jest/test-result').Test[]} tests */
  sort(tests) {
    return super
      .sort(tests)
      .map((test) => ({test, rank: rankOf(test.path)}))
      .sort((one, other) => one.rank - other.rank)
      .map(({test}) => test);
  }
}

/** @param {string} path */
function rankOf(path) {
  const index = long.findIndex((pattern) => pattern.test(path));
  return index === -1 ? long.length : index;
}
