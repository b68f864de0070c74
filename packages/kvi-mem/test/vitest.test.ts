import {expect, it} from '@jest/globals';
import {execFile} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');

interface Report {
  testResults: {message: string; assertionResults: {title: string; failureMessages: string[]}[]}[];
}

/** Runs a file of `fixtures/` in a vitest of its own, with `kvi-mem/vitest` as its setup file. */
async function runVitest(fixture: string): Promise<Record<string, string>> {
  // In here, because vitest looks for itself from its configuration.
  const folder = await mkdtemp(join(root, 'test/fixtures/vitest-'));
  const config = join(folder, 'vitest.config.mjs');
  const conditions = ['kvi-source', 'node'];
  const options = {
    root,
    cacheDir: folder,
    resolve: {conditions},
    ssr: {resolve: {conditions}},
    test: {include: [`test/fixtures/${fixture}`], setupFiles: ['src/vitest/index.ts']},
  };
  await writeFile(config, `export default ${JSON.stringify(options)};`);
  try {
    const report = await new Promise<string>((resolve) => {
      execFile(
        process.execPath,
        [vitest, 'run', `--config=${config}`, '--reporter=json'],
        {cwd: root, env: {...process.env, NODE_OPTIONS: '', NO_COLOR: '1'}, timeout: 180_000},
        (_error, stdout, stderr) => resolve(stdout === '' ? stderr : stdout),
      );
    });
    const {testResults} = JSON.parse(report.slice(report.indexOf('{"'))) as Report;
    const tests = testResults.flatMap(({message, assertionResults}) => {
      if (assertionResults.length === 0) throw new Error(message);
      return assertionResults;
    });
    return Object.fromEntries(tests.map(({title, failureMessages}) => [title, failureMessages.join('\n')]));
  } finally {
    await rm(folder, {recursive: true});
  }
}

it('Tests of vitest fail when they leave something open, begin with empty stores, and have the matchers', async () => {
  expect(await runVitest('leaking.vitest.ts')).toEqual({
    leaks: expect.stringMatching(
      /1 resource is still open:\s+a handle, opened by openMem\s+.*leaking\.vitest\.ts:\d+/,
    ),
    'is closed by a hook, on an empty store': '',
    'expects another value': expect.stringMatching(/toHoldExactly[^]*"k": "w"[^]*"k": "v"/),
    'leaks, and may': '',
    'fails before it closes': expect.not.stringContaining('still open'),
  });
}, 200_000);
