import {fileURLToPath} from 'node:url';
import {beforeAll, describe, expect, it} from '@jest/globals';
import {runNode} from 'kvi-testbed/programs';
import type {Notice} from '../src/drifts/check.ts';
import {drifts} from '../src/drifts/index.ts';

interface Result {
  number: string;
  notices: Notice[];
}

// In a process of its own: what a drift makes fail is left behind half-done.
const program = fileURLToPath(new URL('../src/drifts/main.ts', import.meta.url));

describe('The contract notices a twin', () => {
  let results: Result[];
  beforeAll(async () => {
    const {stdout, stderr} = await runNode([program, '--json']);
    expect(stderr).toBe('');
    results = JSON.parse(stdout) as Result[];
  });

  it.each(drifts.map(({number, title}) => [number, title] as const))('%s: %s', (number) => {
    const notices = results.find((result) => result.number === number)?.notices ?? [];
    expect(notices.filter(({failureWithout}) => failureWithout !== undefined)).toEqual([]);
    expect(notices.filter(({failure}) => failure === undefined).map(({name}) => name)).toEqual([]);
    expect(notices).not.toEqual([]);
  });
});
