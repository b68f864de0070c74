/** Measures one group, and sends its rows to the process that asked for them. */
import {createBench} from './bench.ts';
import type {GroupTask} from './group-process.ts';
import {measuredGroups} from './groups.ts';

const {group, rounds, scale, url} = JSON.parse(process.argv[2] ?? '') as GroupTask;
const bench = createBench({rounds, scale, onRows: (found) => process.send?.(found)});
await measuredGroups[group](bench, url);
process.disconnect();
