import {randomUUID} from 'node:crypto';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from '@jest/globals';
import {linesOf, wordsOf} from '../src/batch-syntax.ts';
import {runKvi} from './support/run-kvi.ts';

const words = (line: string) => wordsOf(Buffer.from(line));

describe('the words of a line', () => {
  it.each([
    ['store a b', ['store', 'a', 'b']],
    ['  store\ta   b \r', ['store', 'a', 'b']],
    [`store a "b c"`, ['store', 'a', 'b c']],
    [`store a 'b "c" \\n'`, ['store', 'a', 'b "c" \\n']],
    [`store a "b\\n\\t\\r\\"\\\\"`, ['store', 'a', 'b\n\t\r"\\']],
    [`store a b\\ c\\#\\'`, ['store', 'a', `b c#'`]],
    [`store a b'c d'"e f"g`, ['store', 'a', 'bc de fg']],
    [`store a ""`, ['store', 'a', '']],
    [`store a ''# not a comment`, ['store', 'a', '#', 'not', 'a', 'comment']],
    ['store a b#c # why', ['store', 'a', 'b#c']],
    ['# store a b', []],
    ['   ', []],
    ['', []],
    ['store 🔑 "é 🎈"', ['store', '🔑', 'é 🎈']],
  ])('of %j are %j', (line, expected) => {
    expect(words(line)).toEqual(expected);
  });

  it.each([
    [`store a "b`, 'unterminated "'],
    [`store a 'b`, "unterminated '"],
    ['store a b\\', 'unterminated \\'],
    [`store a "\\x41"`, 'unknown escape \\x'],
  ])('%j is refused', (line, complaint) => {
    expect(() => words(line)).toThrow(complaint);
  });

  it('are text: a line that is not UTF-8 is refused', () => {
    expect(() => wordsOf(Buffer.from([0x61, 0xff]))).toThrow('not UTF-8');
  });
});

describe('the lines of an input', () => {
  it('are the same however it is cut into chunks', async () => {
    const input = Buffer.from('é\n\nb 🎈\r\nlast');
    for (const size of [1, 2, 3, input.length]) {
      const chunks = Array.from({length: Math.ceil(input.length / size)}, (_, index) =>
        input.subarray(index * size, (index + 1) * size),
      );
      const lines: string[] = [];
      for await (const line of linesOf(streamOf(chunks))) lines.push(line.toString());
      expect(lines).toEqual(['é', '', 'b 🎈\r', 'last']);
    }
  });

  async function* streamOf(chunks: Uint8Array[]) {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  }
});

describe('a batch', () => {
  const batch = (lines: string | Uint8Array, ...options: string[]) =>
    runKvi(['--url', `mem:${randomUUID()}`, 'batch', '-', ...options], {input: lines});

  it('runs its lines in order on one handle', async () => {
    const lines = `
      # two keys, and what becomes of them
      store a "b c"
      tas --absent b -- -1
      get a
      transaction a = 'b c' yes Y no N
      range --all
      delete --prefix y
      range --all --count-only
    `;
    expect(await batch(lines)).toMatchObject({
      exitCode: 0,
      stdout: 'true\nb c\ntrue\na\tb c\nb\t-1\nyes\tY\n1\n2\n',
      stderr: '',
    });
  });

  it('reads a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kvi-cli-'));
    try {
      const file = join(folder, 'batch');
      await writeFile(file, 'store a 1\nget a');
      expect(await runKvi(['--url', `mem:${randomUUID()}`, 'batch', file])).toMatchObject({stdout: '1\n'});
    } finally {
      await rm(folder, {recursive: true});
    }
  });

  it('in JSON, each document begins with the number of its line', async () => {
    const {stdout} = await batch('store a 1\n\nget a\nget b\ntas b x y', '--json');
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toMatchObject([
      {line: 1, stored: true},
      {line: 3, key: 'a', value: '1', version: 1},
      {line: 4, key: 'b', value: null},
      {line: 5, succeeded: false},
    ]);
  });

  it('goes on after a key that does not exist and a condition that is false', async () => {
    expect(await batch('get a\ntas a x y\ndelete a\nstore a 1\nget a')).toMatchObject({
      exitCode: 0,
      stdout: 'false\n0\n1\n',
    });
  });

  it.each([
    ['an unknown command', 'lock a -- true', "unknown command 'lock'"],
    ['a missing argument', 'store a', "missing required argument 'value'"],
    ['an option of the whole program', 'get a --json', "unknown option '--json'"],
    ['a request for help', '--help', "unknown option '--help'"],
    ['an open quote', 'get "a', 'unterminated "'],
    ['what the store refuses', "get ''", 'KVI_INVALID_ARGUMENT'],
    ['a value from standard input', 'store b -', 'write the value on the line'],
  ])('ends at a line with %s, and names the line', async (_, line, complaint) => {
    const {exitCode, stdout, stderr} = await batch(`store a 1\n${line}\nget a\n`);
    expect({exitCode, stdout}).toEqual({exitCode: 2, stdout: ''});
    expect(stderr).toContain('kvi: line 2: ');
    expect(stderr).toContain(complaint);
  });

  it('with --keep-going runs the other lines, and exits as the first that failed', async () => {
    const {exitCode, stdout, stderr} = await batch(
      'store a 1\nget a --revision 99\nfetch a\nget a\n',
      '--keep-going',
    );
    expect({exitCode, stdout}).toEqual({exitCode: 106, stdout: '1\n'});
    expect(stderr).toMatch(/^kvi: line 2: .*\nkvi: line 3: .*\n/);
  });
});
