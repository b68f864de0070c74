import {expect, it} from '@jest/globals';
import {runNode} from 'kvi-testbed';

it('A suite runs whole in node:test, which cancels tests once nothing keeps the process', async () => {
  const {exitCode, stdout} = await runNode([
    '--test-reporter=tap',
    new URL('fixtures/suite.node.ts', import.meta.url).pathname,
  ]);
  expect(stdout).toMatch(/^ {8}ok \d+ - a lock whose lease ends before its answer comes is not held$/m);
  expect(stdout).toContain('\n# cancelled 0\n');
  expect(exitCode).toBe(0);
});
