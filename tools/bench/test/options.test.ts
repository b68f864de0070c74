import {describe, expect, it} from '@jest/globals';
import {parseCommandLine, usage} from '../src/options.ts';

describe('The command line of the bench', () => {
  it('measures everything unless told otherwise', () => {
    const all = {
      help: false,
      quick: false,
      rounds: 7,
      only: ['etcd', 'lock', 'watch', 'mem', 'start', 'growth'],
    };
    expect(parseCommandLine([])).toEqual(all);
    expect(parseCommandLine(['--quick', '--rounds', '9', '--only', 'mem,lock'])).toEqual({
      ...all,
      quick: true,
      rounds: 9,
      only: ['mem', 'lock'],
    });
  });

  it('names what it does not understand', () => {
    const wrong = (...args: string[]) => expect(() => parseCommandLine(args));
    wrong('--slow').toThrow('--slow');
    wrong('--rounds', '6').toThrow('--rounds must be a whole number, 7 or more, not 6');
    wrong('--only', 'redis').toThrow('not redis');
  });

  it('tells every option on request', () => {
    expect(parseCommandLine(['--help']).help).toBe(true);
    for (const option of ['quick', 'only', 'rounds']) expect(usage).toContain(`--${option} `);
  });
});
