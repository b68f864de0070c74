/** `npm run bench -- [--quick] [--only etcd,lock,watch,mem,start] [--rounds N]` */
import {startEtcd} from 'kvi-testbed/programs';
import {writeFile} from 'node:fs/promises';
import {loadavg} from 'node:os';
import {createBench} from './bench.ts';
import {etcdCalls} from './etcd/calls.ts';
import {etcdLocks} from './etcd/locks.ts';
import {etcdWatches} from './etcd/watches.ts';
import {memCalls} from './mem/calls.ts';
import {memWatches} from './mem/watches.ts';
import {type CommandLine, groups, parseCommandLine, usage} from './options.ts';
import {describeRun, page, progressLine, table} from './report.ts';
import {processStart} from './start.ts';

const pageFile = new URL('../../../docs/benchmarks.md', import.meta.url);

async function main({help, quick, rounds, only}: CommandLine): Promise<void> {
  if (help) {
    console.log(usage);
    return;
  }
  const [load = 0] = loadavg();
  const bench = createBench({
    rounds,
    scale: quick ? 0.1 : 1,
    onRows: (rows) => {
      for (const row of rows) console.log(progressLine(row));
    },
  });
  // Unless another one is named, the oldest that can do without fsync: a disk would hide what a client costs.
  await using etcd = await startEtcd(process.env['ETCD_BIN'] === undefined ? {release: 'trixie'} : {});
  if (only.includes('etcd')) await etcdCalls(bench, etcd.url);
  if (only.includes('lock')) await etcdLocks(bench, etcd.url);
  if (only.includes('watch')) await etcdWatches(bench, etcd.url);
  if (only.includes('mem')) {
    await memCalls(bench);
    await memWatches(bench);
  }
  if (only.includes('start')) await processStart(bench);

  const run = describeRun({etcdVersion: etcd.version, rounds, load});
  console.log(`\n${run}\n\n${table(bench.rows)}`);
  if (quick || only.length < groups.length) return;
  await writeFile(pageFile, page(run, bench.rows));
}

try {
  await main(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  console.error(error);
  process.exitCode = 2;
}
