/** `npm run bench -- [--quick] [--only etcd,lock,watch,mem,start,growth] [--rounds N]` */
import {startEtcd} from 'kvi-testbed/programs';
import {readFile, writeFile} from 'node:fs/promises';
import {loadavg} from 'node:os';
import {createBench} from './bench.ts';
import {etcdCalls} from './etcd/calls.ts';
import {etcdLocks} from './etcd/locks.ts';
import {etcdWatches} from './etcd/watches.ts';
import {type Curve, curves} from './growth/curves.ts';
import {growth} from './growth/growth.ts';
import {growthPart, plotsFolder, replaceGrowth} from './growth/part.ts';
import {plot} from './growth/plot.ts';
import {memCalls} from './mem/calls.ts';
import {memWatches} from './mem/watches.ts';
import {type CommandLine, groups, parseCommandLine, usage} from './options.ts';
import {describeRun, page, progressLine, table} from './report.ts';
import {processStart} from './start.ts';

const pageFile = new URL('../../../docs/benchmarks.md', import.meta.url);
/** How often the growth is measured: each number is the median. */
const growthPasses = 3;

async function main({help, quick, rounds, only}: CommandLine): Promise<void> {
  if (help) {
    console.log(usage);
    return;
  }
  const [load = 0] = loadavg();
  const scale = quick ? 0.1 : 1;
  const bench = createBench({
    rounds,
    scale,
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
  if (only.includes('start')) await processStart(bench, {url: etcd.url});
  const passes = quick ? 1 : growthPasses;
  const onProgress = (line: string) => {
    console.log(line);
  };
  const grown = only.includes('growth') ? await growth({passes, scale, onProgress}) : [];

  const run = describeRun({etcdVersion: etcd.version, rounds, load});
  const part = growthPart(grown, passes);
  console.log(`\n${run}\n\n${table(bench.rows)}\n\n${part}`);
  if (quick || grown.length === 0) return;
  await writePlots(grown);
  const isAll = only.length === groups.length;
  await writeFile(
    pageFile,
    isAll ? page(run, bench.rows, part) : replaceGrowth(await readFile(pageFile, 'utf8'), part),
  );
}

async function writePlots(grown: readonly Curve[]): Promise<void> {
  for (const {name, series} of grown) {
    await writeFile(new URL(`${plotsFolder}/${name}.svg`, pageFile), plot({...curves[name], series}));
  }
}

try {
  await main(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  console.error(error);
  process.exitCode = 2;
}
