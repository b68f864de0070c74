/** `npm run bench -- [--quick] [--only etcd,lock,watch,mem,start,growth] [--rounds N]` */
import {startEtcd} from 'kvi-testbed/programs';
import {readFile, writeFile} from 'node:fs/promises';
import {loadavg} from 'node:os';
import type {Row} from './bench.ts';
import {measureInProcess} from './group-process.ts';
import {type Curve, curves} from './growth/curves.ts';
import {growth} from './growth/growth.ts';
import {growthPart, plotsFolder, replaceGrowth} from './growth/part.ts';
import {plot} from './growth/plot.ts';
import {type CommandLine, groups, parseCommandLine, usage} from './options.ts';
import {describeRun, page, progressLine, table} from './report.ts';

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
  const rows: Row[] = [];
  const onRows = (found: readonly Row[]) => {
    rows.push(...found);
    for (const row of found) console.log(progressLine(row));
  };
  // Unless another one is named, the oldest that can do without fsync: a disk would hide what a client costs.
  await using etcd = await startEtcd(process.env['ETCD_BIN'] === undefined ? {release: 'trixie'} : {});
  for (const group of groups) {
    if (group === 'growth' || !only.includes(group)) continue;
    await measureInProcess({group, rounds, scale, url: etcd.url}, onRows);
  }
  const passes = quick ? 1 : growthPasses;
  const onProgress = (line: string) => {
    console.log(line);
  };
  const grown = only.includes('growth') ? await growth({passes, scale, onProgress}) : [];

  const run = describeRun({etcdVersion: etcd.version, rounds, load});
  const part = growthPart(grown, passes);
  console.log(`\n${run}\n\n${table(rows)}\n\n${part}`);
  if (quick || grown.length === 0) return;
  await writePlots(grown);
  const isAll = only.length === groups.length;
  await writeFile(
    pageFile,
    isAll ? page(run, rows, part) : replaceGrowth(await readFile(pageFile, 'utf8'), part),
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
