/** `npm run bench:server [-- --quick] [--only calls,watch,start,memory]`: kvi-server beside an etcd with its data in memory. */
import {parseArgs} from 'node:util';
import {createBench} from '../bench.ts';
import {progressLine, table} from '../report.ts';
import {calls, firstAnswer, memory, watchFanOut} from './measurements.ts';

const groups = {calls, watch: watchFanOut, start: firstAnswer, memory};

const {values} = parseArgs({
  options: {
    quick: {type: 'boolean', default: false},
    only: {type: 'string', default: Object.keys(groups).join(',')},
    rounds: {type: 'string', default: '5'},
  },
});
const bench = createBench({
  rounds: Number(values.rounds),
  scale: values.quick ? 0.1 : 1,
  onRows: (rows) => {
    for (const row of rows) console.log(progressLine(row));
  },
});
const only = values.only.split(',');
for (const [name, run] of Object.entries(groups)) if (only.includes(name)) await run(bench);
console.log(`\n${table(bench.rows)}`);
process.exit(0);
