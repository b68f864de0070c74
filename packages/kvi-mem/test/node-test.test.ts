import {expect, it} from '@jest/globals';
import {runNode} from 'kvi-testbed';

const fixtures = new URL('fixtures/', import.meta.url);

it('Tests of node:test fail when they leave something open, with the line that opened it, and begin with empty stores', async () => {
  const {exitCode, stdout} = await runNode([
    `--import=${new URL('node-test-setup.ts', fixtures).href}`,
    '--test-reporter=tap',
    new URL('leaking.node.ts', fixtures).pathname,
  ]);
  const results = Array.from(stdout.matchAll(/^ *(not ok|ok) \d+ - (.*)/gm), ([, result, title]) => [
    title,
    result,
  ]);
  expect(Object.fromEntries(results)).toEqual({
    leaks: 'not ok',
    'in a suite': 'not ok',
    'closes, on an empty store': 'ok',
    'leaks there': 'not ok',
    'leaks, and may': 'ok',
    'fails before it closes': 'not ok',
  });
  expect(exitCode).toBe(1);
  expect(
    stdout.match(/1 resource is still open:\s+a handle, opened by openMem\s+.*leaking\.node\.ts:\d+/g),
  ).toHaveLength(2);
  expect(stdout).toContain("error: 'a reason of its own'");
});
