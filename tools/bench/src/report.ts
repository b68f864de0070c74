import {readFileSync} from 'node:fs';
import {availableParallelism} from 'node:os';
import type {Row} from './bench.ts';
import {markdownTable, round} from './markdown.ts';

/** How the table came about. */
export interface Run {
  etcdVersion: string;
  rounds: number;
  /** How many processes wanted a core in the minute before. */
  load: number;
}

/** The machine and the versions, as a Markdown paragraph. */
export function describeRun({etcdVersion, rounds, load}: Run): string {
  const packages = ['etcd3', '@grpc/grpc-js', 'keyv', 'unstorage', 'memory-level'];
  const versions = packages.map((name) => `${name} ${versionOf(name)}`).join(', ');
  return `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores (${process.platform} ${process.arch}),
Node ${process.versions.node}, etcd ${etcdVersion}, ${versions}; ${rounds} rounds.
Before the bench began, other processes kept ${load.toFixed(1)} cores busy or waited for one.`;
}

function versionOf(name: string): string {
  const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  const {version} = JSON.parse(readFileSync(manifest, 'utf8')) as {version: string};
  return version;
}

/** What is printed when a row is known. */
export function progressLine({measurement, unit, peer, ...row}: Row): string {
  return `${measurement}, ${unit}: ${relationOf(row)} ${peer}`;
}

const header = ['measurement', 'unit', 'kvi', 'peer', 'its value', 'ratio', 'spread'];
/** Numbers are flush right. */
const isNumber = [false, false, true, false, true, true, true];

/** The rows as a Markdown table. */
export function table(rows: readonly Row[]): string {
  return markdownTable([header, ...rows.map(cellsOf)], (column) => isNumber[column] === true);
}

function cellsOf(row: Row): string[] {
  const {low, high} = row.comparison;
  return [
    row.measurement,
    row.unit,
    round(row.kvi),
    row.isBest ? `${row.peer} (the fastest)` : row.peer,
    round(row.theirs),
    relationOf(row),
    `${round(low)} to ${round(high)}`,
  ];
}

function relationOf({relation, comparison: {middle}}: Pick<Row, 'relation' | 'comparison'>): string {
  return relation === 'ratio' ? `${middle.toFixed(2)}x` : `${middle < 0 ? '' : '+'}${round(middle)}`;
}

/**
 * `docs/benchmarks.md`.
 *
 * @param growth its part about growth
 */
export function page(run: string, rows: readonly Row[], growth: string): string {
  return `# Benchmarks

\`\`\`sh
npm run bench                    # all groups, about a quarter of an hour; writes this page
npm run bench -- --quick         # a tenth of the work, to see that it runs
npm run bench -- --only mem      # one group: etcd, lock, watch, mem, start or growth
npm run bench -- --only growth   # writes the plots, and their part of this page
\`\`\`

This page is written by the bench. What matters are the ratios: they compare what ran in the same process, one for each group, on the same
machine, in turn. The other numbers are from one machine on one day.

## How to read it

- The contestants take turns, in rounds; each round begins with another one. One round before them warms up. On etcd, each makes as many
  calls in a round as it can in 0.3 s.
- **kvi** and **its value** are medians of the rounds. **ratio** is kvi's number divided by its peer's, the median of the
  ratios of the rounds, and **spread** the lowest and the highest of them. In a row with a sign (\`+\`), it is kvi's number
  minus its peer's.
- In rows of \`calls/s\` and \`keys/s\`, more is better. In all others, less is.
- **CPU** is the user and system time of the client's process. etcd runs in a process of its own, on the same cores, without
  fsync. It takes its share of the cores, so rates vary more than CPU does.
- **raw grpc-js** calls etcd's protocol with \`@grpc/grpc-js\` alone: no timeouts, no retries, no checks.
- **kvi-mem driver** is what \`mem:\` takes without the facade, on keys and values that are bytes already.
- **an async Map** is a \`Map\` behind functions that return promises: no store can be faster.
- \`etcd3\`, \`keyv\`, \`unstorage\` and \`memory-level\` have their default settings, and **the fastest** is the fastest of those
  in memory. Each store in memory has a process of its own, as a service has one store. **memory-level (utf8)** keeps text as text instead of bytes, so it neither encodes nor decodes.
- \`etcd3\`'s lock neither waits in a queue nor tells its holder that it was lost; to wait for it, its callers try every 5 ms.
- The packages run as they are published, compiled. Every answer is checked, and after a round the store is, too.

## What was measured

${run}

${table(rows)}

${growth}
## To add a measurement

Call \`bench.measure({name, kvi, peers})\` in the file of its group in [\`tools/bench\`](../tools/bench/src). \`kvi\` and each peer are functions
that do the work once and return what they measured, by unit: \`{'calls/s': 415_000}\`. The table gets a row for each unit and peer.
A curve of what grows is a name in \`growth/curves.ts\` and the points that a subject beside it returns.
`;
}
