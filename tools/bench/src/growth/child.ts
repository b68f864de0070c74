/** `node child.ts SUBJECT STORE SCALE`: measures in a process of its own, and prints the points. */
import {growCatchUp, growHistory, growWatches} from './mem.ts';
import {growKeys, growValues} from './stores.ts';
import {scaled} from './subject.ts';

const subjects: Record<string, typeof growKeys | undefined> = {
  keys: growKeys,
  values: growValues,
  history: (_, scale) => growHistory(scale),
  watches: (_, scale) => growWatches(scale),
  'catch-up': (_, scale) => growCatchUp(scale),
};

const [subject = '', store = '', scale] = process.argv.slice(2);
const points = await subjects[subject]?.(store, scaled(Number(scale)));
console.log(JSON.stringify(points));
process.exit();
