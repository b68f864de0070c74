/** `npm run test:faults -- --minutes N --seed S`: the battery on kvi, and on npm `etcd3` as a yardstick. */
import {parseArgs} from 'node:util';
import {runBattery} from './battery.ts';
import {brokenPromises} from './checker/check.ts';
import {type FaultKind, faultKinds} from './schedule.ts';
import {table} from './table.ts';

const {values} = parseArgs({
  options: {
    minutes: {type: 'string', default: '1'},
    seed: {type: 'string', default: String(Date.now() % 1_000_000)},
    'kvi-only': {type: 'boolean', default: false},
    only: {type: 'string', default: faultKinds.join(',')},
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const kinds = values.only.split(',') as FaultKind[];
if (!(minutes > 0) || !Number.isSafeInteger(seed) || !kinds.every((kind) => faultKinds.includes(kind))) {
  console.error(`usage: npm run test:faults -- [--minutes N] [--seed S] [--kvi-only] [--only KIND,...]
faults: ${faultKinds.join(', ')}`);
  process.exit(2);
}

console.log(`the failure battery: ${minutes} minutes, seed ${seed}`);
// Unless another one is asked for, one whose stopped leaders end no lease that their successors have renewed (etcd #15247).
const release = process.env['KVI_TEST_ETCD_RELEASE'] === undefined ? 'trixie' : undefined;
const options = {minutes, seed, kinds, release} as const;
// Each library has its own cluster, and both have the same faults at the same time.
const [kvi, etcd3] = await Promise.all([
  runBattery({library: 'kvi', ...options}),
  values['kvi-only'] ? undefined : runBattery({library: 'etcd3', ...options}),
]);
console.log(table({kvi, ...(etcd3 && {etcd3})}));

const broken = brokenPromises(kvi);
if (broken.length > 0) {
  console.log(`\nkvi broke ${broken.length} promises:`);
  for (const line of broken.slice(0, 20)) console.log(`- ${line}`);
  console.log(`To replay: npm run test:faults -- --minutes ${minutes} --seed ${seed}`);
  process.exitCode = 1;
}
