import {parseArgs} from 'node:util';
import {type EtcdChoice, etcds, releases} from './etcds.ts';

/** What `npm run fuzz` is told. */
export interface CommandLine {
  minutes: number;
  seed: number;
  releases: readonly EtcdChoice[];
  lanes: number;
  /** Replays one program. */
  path: string | undefined;
}

/** @throws Error that says what is wrong */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const {values} = parseArgs({
    args: [...args],
    options: {
      minutes: {type: 'string', default: '1'},
      seed: {type: 'string', default: String(Date.now() % 1_000_000)},
      release: {type: 'string', default: 'bookworm'},
      lanes: {type: 'string', default: '8'},
      path: {type: 'string'},
    },
  });
  return {
    minutes: above0('minutes', values.minutes),
    seed: wholeNumber('seed', values.seed),
    releases: values.release === 'all' ? etcds() : values.release.split(',').map(choice),
    lanes: above0('lanes', values.lanes),
    path: values.path,
  };
}

function choice(name: string): EtcdChoice {
  const choices: readonly EtcdChoice[] = [...releases, 'own'];
  const known = choices.find((each) => each === name);
  if (known) return known;
  throw new Error(`--release is one or several of ${choices.join(',')}, or all; not ${name}`);
}

function above0(what: string, text: string): number {
  const number = Number(text);
  if (number > 0) return number;
  throw new Error(`--${what} must be a number above 0, not ${text}`);
}

function wholeNumber(what: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  throw new Error(`--${what} must be a whole number, not ${text}`);
}
