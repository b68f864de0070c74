/**
 * `npm run test:long`: what takes too long to run at each change, one after the other. All of it runs even when some of it
 * fails; what failed is named at the end.
 */
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';

/** Another exploration each time, as the other tools do by themselves. */
const seed = String(Date.now() % 1_000_000);

/** Each with the arguments of an `npm run`. */
const runs = [
  {name: 'matrix', args: ['test:matrix', '--', '--minutes', '10']},
  {name: 'failure battery', args: ['test:faults', '--', '--minutes', '10', '--kvi-only']},
  {
    name: `exploration (KVI_EXPLORE_TIMES=20 KVI_EXPLORE_SEED=${seed})`,
    args: ['test', '--', 'packages/kvi-mem/test/explore'],
    env: {KVI_EXPLORE_TIMES: '20', KVI_EXPLORE_SEED: seed},
  },
  {name: 'long tests', args: ['test', '--', 'test/long'], env: {KVI_TEST_LONG: '1'}},
  {name: 'mutation', args: ['test:mutation']},
];

const failed = runs.filter(({name, args, env}) => {
  console.log(`\n== ${name}`);
  const {status} = spawnSync('npm', ['run', ...args], {
    cwd: join(import.meta.dirname, '..'),
    env: {...process.env, ...env},
    stdio: 'inherit',
  });
  return status !== 0;
});

console.log();
for (const {name} of failed) console.log(`failed: ${name}`);
if (failed.length === 0) console.log('all passed');
else process.exitCode = 1;
