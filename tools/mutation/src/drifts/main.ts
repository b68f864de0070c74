/** `npm run test:drifts`: each drift, and which cases of the contract notice it; with `--json` for programs. */
import {checkDrift} from './check.ts';
import {drifts} from './index.ts';

// A case that fails leaves promises that nobody awaits.
process.on('unhandledRejection', () => undefined);

const results = await Promise.all(
  drifts.map(async (drift) => {
    const {number, title, etcd} = drift;
    return {number, title, etcd, notices: await checkDrift(drift)};
  }),
);

if (process.argv.includes('--json')) {
  console.log(JSON.stringify(results));
} else {
  for (const {number, title, etcd, notices} of results) {
    console.log(`${number.padStart(3)} ${title}\n    etcd: ${etcd}`);
    for (const {name, failure, failureWithout} of notices) {
      const [reason] = (failure ?? 'NOT NOTICED').split('\n');
      console.log(`    ${name}\n      ${(reason ?? '').slice(0, 120)}`);
      if (failureWithout !== undefined) console.log(`      and fails without the drift: ${failureWithout}`);
    }
  }
}

// What the cases left behind would keep the process alive.
process.exit();
