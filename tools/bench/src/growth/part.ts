/** The part of `docs/benchmarks.md` about growth. */
import {markdownTable, round} from '../markdown.ts';
import {type Curve, type CurveName, curves} from './curves.ts';

/** Where the plots are, seen from the page. */
export const plotsFolder = 'benchmarks';

const heading = '## How `mem:` grows';

/** @param passes how often everything was measured */
export function growthPart(measured: readonly Curve[], passes: number): string {
  const last = (name: CurveName) => {
    const {x, y} = measured.find((curve) => curve.name === name)?.series[0]?.points.at(-1) ?? {x: 0, y: 0};
    return {x: round(x), y: round(y)};
  };
  const [key, revision] = [last('keys-memory'), last('history-memory')];
  return `${heading}

A key of 13 bytes with a value of 13 takes ${key.y} bytes in a store of ${key.x}, its one revision included. Each revision of a key
after its first takes ${revision.y} bytes until it is compacted. A key that was read takes some 340 more until it is written again, unless
its value has more than 1,024 bytes.

Each number is a median (passes: ${passes}). In each pass, every store is measured in a process of its own, one call after the other. The numbers are
microseconds of CPU, the garbage collector's included, or bytes. Both axes of the plots are logarithmic.

${measured.map(curvePart).join('\n\n')}
`;
}

function curvePart({name, series}: Curve): string {
  const {title, x, y} = curves[name];
  const xs = [...new Set(series.flatMap(({points}) => points.map((point) => point.x)))].sort((a, b) => a - b);
  const lines = series.map(({name, points}) => [
    name,
    ...xs.map((at) => {
      const point = points.find((each) => each.x === at);
      return point === undefined ? '' : round(point.y);
    }),
  ]);
  return `### ${capitalized(title)}, by ${x}

![${title}: ${y}, by ${x}](${plotsFolder}/${name}.svg)

${markdownTable([[y, ...xs.map(round)], ...lines], (column) => column > 0)}`;
}

function capitalized(text: string): string {
  return text.startsWith('mem:') ? `\`mem:\`${text.slice(4)}` : text.charAt(0).toUpperCase() + text.slice(1);
}

/** The page with another part about growth. */
export function replaceGrowth(page: string, part: string): string {
  const start = page.indexOf(heading);
  const end = page.indexOf('\n## ', start);
  if (start < 0 || end < 0) throw new Error(`the page has no part "${heading}" before another`);
  return page.slice(0, start) + part + page.slice(end);
}
