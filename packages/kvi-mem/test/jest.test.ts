import {beforeAll, describe, expect, it} from '@jest/globals';
import {readFile} from 'node:fs/promises';
import {type JestTest, runJest} from './support/run-jest.ts';

/** Milliseconds for a run of jest, on a machine under load. */
const timeoutMs = 200_000;

describe('Tests with kvi-mem/jest', () => {
  let source: string[];
  let tests: Map<string, JestTest>;
  let exitCode: number | null;

  beforeAll(async () => {
    source = (await readFile(new URL('fixtures/leaking.ts', import.meta.url), 'utf8')).split('\n');
    const result = await runJest('leaking.ts');
    exitCode = result.exitCode;
    tests = new Map(result.tests.map((test) => [test.title, test]));
  }, timeoutMs);

  /** Where a fixture's line with this comment is, as jest shows it. */
  function lineOf(comment: string): string {
    return `leaking.ts:${source.findIndex((line) => line.endsWith(`// ${comment}`)) + 1}:`;
  }

  function failureOf(title: string): string {
    return tests.get(title)?.failureMessages.join('\n') ?? 'there is no such test';
  }

  it('fail when they leave something open, with the lines that opened it', () => {
    expect(exitCode).toBe(1);
    const lines = failureOf('leaks a handle, a lock and a watch').split('\n');
    expect(lines.filter((line) => line.trim() !== '').slice(0, 7)).toEqual([
      expect.stringContaining('3 resources are still open:'),
      '  a handle, opened by openMem',
      expect.stringContaining(lineOf('the handle')),
      '  the lock "nightly", opened by kv.distLock',
      expect.stringContaining(lineOf('the lock')),
      '  a watch of "[orders/, orders0)", opened by kv.changes',
      expect.stringContaining(lineOf('the watch')),
    ]);
  });

  it('fail on a store of their own, and through a handle of all tests, as well', () => {
    expect(failureOf('leaks on a store of its own')).toContain('a handle, opened by store.driver');
    const failure = failureOf('leaks through a handle that was there before');
    expect(failure).toContain('1 resource is still open');
    expect(failure).toContain(lineOf('the key'));
  });

  it.each([
    'is closed by a hook at the top of the file, on an empty store',
    'closes without waiting',
    'leaks, and may',
    'sees nothing of a temporary key that was left open',
  ])('pass where a test %s', (title) => {
    expect(failureOf(title)).toBe('');
  });

  it('fail for their own reason only', () => {
    expect(failureOf('fails before it closes')).toContain('a reason of its own');
    expect(failureOf('fails before it closes')).not.toContain('still open');
  });
});
