/** The group `growth`: how `mem:` and its peers grow. Each is measured in a process of its own, so none has another's garbage. */
import {execFile} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {median} from '../statistics.ts';
import {type Curve, type CurveName, curves, type Point} from './curves.ts';
import {storeNames} from './stores.ts';

const run = promisify(execFile);
const child = fileURLToPath(new URL('./child.ts', import.meta.url));

const contestants = [
  ...storeNames.flatMap((store) => [
    ['keys', store],
    ['values', store],
  ]),
  ...['history', 'watches', 'catch-up'].map((subject) => [subject, 'kvi']),
];

export interface GrowthOptions {
  /** How often everything is measured, in turn. */
  passes: number;
  /** Part of the work of a full run. */
  scale: number;
  /** For the processes. Default: those of this one. */
  nodeArgs?: readonly string[];
  onProgress?: (line: string) => void;
}

/** @returns the curves, whose numbers are medians of the passes */
export async function growth({
  passes,
  scale,
  nodeArgs = process.execArgv,
  onProgress,
}: GrowthOptions): Promise<Curve[]> {
  const points: Point[] = [];
  for (let pass = 0; pass < passes; pass++) {
    for (const contestant of contestants) {
      const args = [...nodeArgs, '--expose-gc', child, ...contestant, String(scale)];
      const {stdout} = await run(process.execPath, args, {env: {...process.env, NODE_OPTIONS: ''}});
      points.push(...(JSON.parse(stdout) as Point[]));
      onProgress?.(`growth: ${contestant.join(', ')}, pass ${pass + 1} of ${passes}`);
    }
  }
  return (Object.keys(curves) as CurveName[]).map((name) => curveOf(name, points));
}

/** The curve through the medians of its points. */
export function curveOf(name: CurveName, points: readonly Point[]): Curve {
  const own = points.filter(({curve}) => curve === name);
  const distinct = <T>(values: readonly T[]) => [...new Set(values)];
  return {
    name,
    series: distinct(own.map(({series}) => series)).map((series) => {
      const ofSeries = own.filter((point) => point.series === series);
      const xs = distinct(ofSeries.map(({x}) => x)).sort((a, b) => a - b);
      const at = (x: number) => median(ofSeries.filter((point) => point.x === x).map(({y}) => y));
      return {name: series, points: xs.map((x) => ({x, y: at(x)}))};
    }),
  };
}
