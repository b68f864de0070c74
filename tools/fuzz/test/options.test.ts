import {describe, expect, it} from '@jest/globals';
import {parseCommandLine, usage} from '../src/options.ts';

describe('The command line of the fuzzer', () => {
  it('has a default for everything but the path', () => {
    const {seed, ...others} = parseCommandLine([]);
    expect(others).toEqual({help: false, minutes: 1, releases: ['bookworm'], lanes: 8, path: undefined});
    expect(Number.isSafeInteger(seed)).toBe(true);
  });

  it('names what it does not understand', () => {
    const wrong = (...args: string[]) => expect(() => parseCommandLine(args));
    wrong('--forever').toThrow('--forever');
    wrong('--minutes', '0').toThrow('--minutes must be a number above 0, not 0');
    wrong('--seed', '1.5').toThrow('--seed must be a whole number, 0 or more, not 1.5');
    wrong('--lanes', '0').toThrow('--lanes must be a whole number, 1 or more, not 0');
    wrong('--release', 'potato').toThrow('not potato');
    wrong('--path', '1:2').toThrow('--path needs its --seed');
  });

  it('tells every option on request', () => {
    expect(parseCommandLine(['--help']).help).toBe(true);
    for (const option of ['minutes', 'seed', 'release', 'lanes', 'path'])
      expect(usage).toContain(`--${option} `);
  });
});
