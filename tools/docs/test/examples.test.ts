/** What the documentation shows is true: its examples compile, run, and print what they say. */
import {beforeAll, describe, expect, it} from '@jest/globals';
import {describeWithEtcd} from 'kvi-testbed';
import {compile} from '../src/compile.ts';
import {type Example, readPage, readPages} from '../src/examples.ts';
import {runPage} from '../src/run.ts';

const pages = readPages();
/** Shows that mistakes are found. */
const mistakes = readPage('tools/docs/test/mistakes.md');
const problems = compile([...pages, mistakes], compilerOptions());

function compilerOptions(): unknown {
  const page = pages.find(({path}) => path === 'docs/first-steps.md');
  const settings = page?.examples.find(({language}) => language === 'json');
  return (JSON.parse(settings?.lines.join('\n') ?? '{}') as {compilerOptions: unknown}).compilerOptions;
}

describe('The examples of the documentation', () => {
  it('compile with the settings that docs/first-steps.md shows', () => {
    expect(problems).toEqual([`${mistakes.path}:6: Type 'number' is not assignable to type 'string'.`]);
  });
});

describeWithEtcd('The example', () => {
  const outcomes = new Map<Example, string | undefined>();

  beforeAll(async () => {
    const queue = [...pages, mistakes].values();
    const runAll = async (): Promise<void> => {
      for (const page of queue) for (const outcome of await runPage(page)) outcomes.set(...outcome);
    };
    await Promise.all(Array.from({length: 3}, runAll));
  }, 600_000);

  const examples = pages.flatMap((page) => page.examples);
  it.each(examples.map((example) => [example.place, example] as const))('at %s runs', (_place, example) => {
    expect(outcomes.get(example)).toBeUndefined();
  });

  it('with a mistake is told with what is wrong', () => {
    expect(mistakes.examples.map((example) => outcomes.get(example))).toEqual([
      undefined, // its type was wrong
      expect.stringContaining('AssertionError'),
      expect.stringContaining('Missing expected rejection'),
      expect.stringContaining('Expected: 3'),
      '',
      'It prints\n$ kvi store greeting hello\n$ kvi get greeting\nhello',
      expect.stringContaining('SyntaxError'),
    ]);
  });
});
