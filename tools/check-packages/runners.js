import {copyFileSync} from 'node:fs';
import {join} from 'node:path';
import {attempt, run} from './run.js';

const esModules = ['--experimental-vm-modules', '--no-warnings'];

/** Runs tests that use the packages in each runner, also where a runner simulates a DOM. */
export async function checkRunners(project, etcdUrl) {
  const env = {KVI_CHECK_URL: etcdUrl};
  const jest = join(project, 'node_modules/jest/bin/jest.js');
  const vitest = join(project, 'node_modules/vitest/vitest.mjs');
  const config = {rootDir: project, setupFilesAfterEnv: ['kvi-mem/jest'], transform: {}};
  const jestWith = (more) => [jest, '--config', JSON.stringify({...config, ...more})];

  await run(project, ['node', ...esModules, ...jestWith({testMatch: ['**/hooks.jest.mjs']})]);
  // And with all of it compiled to CommonJS.
  copyFileSync(join(project, 'tests/hooks.jest.mjs'), join(project, 'tests/hooks.compiled.js'));
  const compiled = jestWith({
    testMatch: ['**/hooks.compiled.js'],
    transform: {'\\.js$': join(project, 'compile.cjs')},
    transformIgnorePatterns: ['/node_modules/(?!kvi(-[a-z]+)?/)'],
  });
  await run(project, ['node', ...compiled]);
  for (const testEnvironment of ['jsdom', '@happy-dom/jest-environment']) {
    const dom = jestWith({testMatch: ['**/dom.jest.mjs'], testEnvironment});
    await run(project, ['node', ...esModules, ...dom], env);
  }

  const vitestRun = ['node', vitest, 'run', '--root', project];
  for (const more of [[], ['--no-isolate', '--maxWorkers=1']])
    await run(project, [...vitestRun, 'tests/hooks', ...more]);
  for (const environment of ['jsdom', 'happy-dom'])
    await run(project, [...vitestRun, 'tests/dom', '--environment', environment], env);

  // `--test` hands the import on to the process of each file.
  await run(project, ['node', '--import', './node-setup.mjs', '--test', 'tests/hooks.node.mjs']);
  const leaking = await attempt(project, ['node', '--import', './node-setup.mjs', 'tests/leak.node.mjs']);
  if (leaking.status === 0 || !leaking.output.includes('1 resource is still open'))
    throw new Error(`A test that leaks passes:\n${leaking.output}`);
}
