import {randomUUID} from 'node:crypto';
import {PassThrough} from 'node:stream';
import {afterEach, beforeEach, describe, expect, it, jest} from '@jest/globals';
import type {Io} from '../src/io.ts';
import {createOutput} from '../src/output.ts';
import {createProgress} from '../src/progress.ts';
import {printTable, type Row, type TableShape} from '../src/table.ts';
import {runKvi} from './support/run-kvi.ts';

interface Terminal {
  columns?: number;
  /** Which streams are one. Default: both. */
  stdout?: boolean;
  stderr?: boolean;
}

/** Streams that remember what was written, and whether they are terminals. */
function streams({columns = 60, stdout = true, stderr = true}: Terminal = {}) {
  const stream = (isTTY: boolean) => Object.assign(new PassThrough(), {isTTY, columns});
  const io = {stdout: stream(stdout), stderr: stream(stderr), env: {}} as unknown as Io & {
    stdout: PassThrough;
    stderr: PassThrough;
  };
  return {io, text: (name: 'stdout' | 'stderr') => String((io[name].read() as Buffer | null) ?? '')};
}

describe('a table', () => {
  const shape: TableShape = {titles: ['NAME', 'VALUE'], cut: 'VALUE'};

  async function printed(fields: string[][], terminal: Terminal = {}, as: TableShape = shape) {
    const {io, text} = streams(terminal);
    const rows: Row[] = fields.map((each) => ({fields: each, document: {}}));
    const output = createOutput(io.stdout, {json: false});
    await printTable(rows, as, {output, io, json: false});
    return text('stdout');
  }

  it('aligns its columns, of wide characters too', async () => {
    const rows = [
      ['日本', 'a'],
      ['b', ''],
      ['longer', 'c d'],
    ];
    expect(await printed(rows)).toBe('NAME    VALUE\n日本    a\nb\nlonger  c d\n');
  });

  it('cuts the values of a column so that rows fit the terminal, and no others', async () => {
    const rows = [[`name${'.'.repeat(12)}`, 'a value that is longer than the terminal']];
    expect(await printed(rows, {columns: 30})).toBe(
      'NAME              VALUE\nname............  a value tha…\n',
    );
    expect(await printed(rows, {columns: 30}, {titles: ['NAME', 'VALUE']})).toContain('the terminal\n');
    expect(await printed(rows, {columns: 5})).toContain('  a value…\n');
    expect(await printed([['a', 'as wide as the terminal']], {columns: 29})).not.toContain('…');
  });

  it('shows the first rows of many at once, each thousand under titles', async () => {
    const many = Array.from({length: 2_001}, (_, at) => [String(at), 'x']);
    const lines = (await printed(many)).split('\n');
    expect(lines.filter((line) => line.startsWith('NAME'))).toHaveLength(3);
    expect(lines).toHaveLength(2_001 + 3 + 1);
  });

  it('has no titles without rows, and is records elsewhere, in full', async () => {
    expect(await printed([])).toBe('');
    const value = 'x'.repeat(100);
    expect(await printed([['a', value]], {stdout: false})).toBe(`a\t${value}\n`);
  });
});

describe('a progress bar', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** A bar on a terminal, and what it has written since the last look. */
  async function barOf(total?: number, terminal?: Terminal) {
    const {io, text} = streams({columns: 80, ...terminal});
    const count = total === undefined ? undefined : () => Promise.resolve(total);
    return {...(await createProgress({io, unit: 'keys', total: count})), written: () => text('stderr')};
  }

  /** What is shown when so much was done in some seconds. */
  async function shownAfter(
    seconds: number,
    done: number,
    total?: number,
    columns?: number,
  ): Promise<string> {
    const bar = await barOf(total, {columns: columns ?? 80});
    bar.advance(0);
    jest.advanceTimersByTime(seconds * 1_000);
    bar.written();
    bar.advance(done);
    const [, shown = ''] = bar.written().split('\x1b[1G');
    bar.end();
    return shown.replace('\x1b[0K', '');
  }

  it('has the rate and the time left', async () => {
    expect(await shownAfter(5, 250, 1_000)).toBe(
      '[=====               ] 25% 250 of 1000 keys, 50/s, 15s left',
    );
    expect(await shownAfter(1, 1, 7_500)).toContain('2h5m left');
  });

  it('counts what has no known end', async () => {
    expect(await shownAfter(2, 30)).toBe('30 keys, 15/s');
  });

  it('fits the terminal', async () => {
    expect(await shownAfter(5, 250, 1_000, 30)).toBe('[=====               ] 25% 250');
  });

  it('appears when something was done, and nothing of it stays at the end: no bar, no mode of the terminal', async () => {
    const bar = await barOf(2);
    expect(bar.written()).toBe('');
    bar.advance(1);
    expect(bar.written()).toContain('0 of 2');
    bar.end();
    const last = bar.written();
    expect(last.endsWith('\x1b[2K')).toBe(true);
    expect(last).not.toContain('\x1b[?');
    bar.end();
    bar.advance(1);
    expect(bar.written()).toBe('');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is gone for what is printed to the same terminal', async () => {
    const bar = await barOf(2);
    bar.advance(1);
    bar.printing();
    expect(bar.written().endsWith('\x1b[2K')).toBe(true);
    const before = await barOf(2);
    before.printing();
    before.advance(1);
    expect(before.written()).toBe('');
    const elsewhere = await barOf(2, {stdout: false});
    elsewhere.advance(1);
    elsewhere.written();
    elsewhere.printing();
    expect(elsewhere.written()).toBe('');
    elsewhere.end();
  });

  it('is not shown in a pipe, for which nothing is counted', async () => {
    const {io, text} = streams({stderr: false});
    const total = jest.fn(() => Promise.resolve(2));
    const progress = await createProgress({io, unit: 'keys', total});
    progress.advance(1);
    jest.advanceTimersByTime(1_000);
    progress.end();
    expect(text('stderr')).toBe('');
    expect(total).not.toHaveBeenCalled();
  });
});

it('tables have no colours', async () => {
  const url = `mem:${randomUUID()}`;
  await runKvi(['store', 'a', '1'], {env: {KVI_URL: url}});
  const {stdout} = await runKvi(['ls', '--long'], {env: {KVI_URL: url}, isTTY: true});
  expect(stdout).toMatch(
    /^CREATE {2}MOD {2}VERSION {2}SIZE {2}LEASE {2}LEFT {2}KEY\n\d+ +\d+ +1 +1 +- +- +a\n$/,
  );
});
