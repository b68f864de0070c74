/** Plots as SVG, with both axes logarithmic. The colours are readable on light and on dark pages. */

export interface Plot {
  title: string;
  /** What the axes show. */
  x: string;
  y: string;
  series: readonly {name: string; points: readonly {x: number; y: number}[]}[];
}

const area = {left: 60, right: 440, top: 40, bottom: 260};
const size = {width: 720, height: 310};
const ink = '#7a7a7a';
const colours = ['#e8590c', '#1c7ed6', '#2f9e44', '#ae3ec9', '#868e96', '#c2255c'];
/** Pixels between the names of two series, at least. */
const lineHeight = 16;

/** A plot of the series, as a file of its own. */
export function plot({title, x, y, series}: Plot): string {
  const points = series.flatMap((each) => each.points);
  const across = axis(
    points.map((point) => point.x),
    area.left,
    area.right,
  );
  const up = axis(
    points.map((point) => point.y),
    area.bottom,
    area.top,
  );
  const middle = (area.left + area.right) / 2;
  const lines = [
    text(area.left, 20, title, 'font-weight="bold"'),
    text(middle, size.height - 10, x, 'text-anchor="middle"'),
    text(area.left, area.top - 6, y),
    ...across.ticks.flatMap((tick) => [
      line(across.at(tick), area.top, across.at(tick), area.bottom),
      text(across.at(tick), area.bottom + 18, short(tick), 'text-anchor="middle"'),
    ]),
    ...up.ticks.flatMap((tick) => [
      line(area.left, up.at(tick), area.right, up.at(tick)),
      text(area.left - 8, up.at(tick) + 4, short(tick), 'text-anchor="end"'),
    ]),
    ...series.map((each, n) => {
      const course = each.points.map((point) => `${pixel(across.at(point.x))},${pixel(up.at(point.y))}`);
      const colour = colours[n % colours.length] ?? ink;
      return `<polyline fill="none" stroke="${colour}" stroke-width="${n === 0 ? 3 : 2}" points="${course.join(' ')}"/>`;
    }),
    ...labels(series.map((each) => up.at(each.points.at(-1)?.y ?? 1))).map((at, n) =>
      text(area.right + 10, at + 4, series[n]?.name ?? '', '', colours[n % colours.length]),
    ),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12">
${lines.map((each) => `  ${each}`).join('\n')}
</svg>
`;
}

/** A logarithmic axis: where a number is, and the numbers to mark, at each power of ten or more often. */
function axis(numbers: readonly number[], from: number, to: number) {
  const low = Math.floor(Math.log10(Math.min(...numbers)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...numbers))));
  const powers = Array.from({length: high - low + 1}, (_, n) => 10 ** (low + n));
  const ticks = high - low > 2 ? powers : powers.flatMap((power) => [power, 2 * power, 5 * power]);
  return {
    at: (number: number) => from + ((Math.log10(number) - low) / (high - low)) * (to - from),
    ticks: ticks.filter((tick) => tick <= 10 ** high),
  };
}

/** Where to put the names of the series so that none covers another: at the ends of their lines, or further down. */
function labels(ends: readonly number[]): number[] {
  const placed = ends.map(() => 0);
  let free = -Infinity;
  for (const [n, end] of [...ends.entries()].sort(([, a], [, b]) => a - b)) {
    placed[n] = Math.max(end, free);
    free = (placed[n] ?? 0) + lineHeight;
  }
  return placed;
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${pixel(x1)}" y1="${pixel(y1)}" x2="${pixel(x2)}" y2="${pixel(y2)}" stroke="${ink}" stroke-opacity="0.3"/>`;
}

function text(x: number, y: number, content: string, attributes = '', colour = ink): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${pixel(x)}" y="${pixel(y)}" fill="${colour}"${attributes && ` ${attributes}`}>${escaped}</text>`;
}

const pixel = (number: number) => number.toFixed(1);
const compact = new Intl.NumberFormat('en', {notation: 'compact'});
const short = (number: number) =>
  number < 1 ? String(Number(number.toPrecision(1))) : compact.format(number);
