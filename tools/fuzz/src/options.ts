import {parseArgs} from 'node:util';
import {type EtcdChoice, etcds, releases} from './etcds.ts';

/** What `npm run fuzz` is told. */
export interface CommandLine {
  help: boolean;
  minutes: number;
  seed: number;
  releases: readonly EtcdChoice[];
  lanes: number;
  /** Replays one program. */
  path: string | undefined;
}

/** What `--help` prints. */
export const usage = `npm run fuzz -- [options]     plays generated programs on the twin and on etcd, and compares
npm run test:matrix -- [options]     the contract, too; on all releases unless told otherwise

  --minutes N      how long; default 1
  --seed S         the same number gives the same programs; default: another one each time
  --release R      ${[...releases, 'own'].join(', ')}, several with commas between, or all; default bookworm
  --lanes N        etcds of each release that work at the same time; default 8
  --path P         plays the one program again that a run with --seed found`;

/** @throws Error that says what is wrong */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const {values} = parseArgs({
    args: [...args],
    options: {
      minutes: {type: 'string', default: '1'},
      seed: {type: 'string'},
      release: {type: 'string', default: 'bookworm'},
      lanes: {type: 'string', default: '8'},
      path: {type: 'string'},
      help: {type: 'boolean', short: 'h', default: false},
    },
  });
  if (values.path !== undefined && values.seed === undefined) throw new Error('--path needs its --seed');
  return {
    help: values.help,
    minutes: above0('minutes', values.minutes),
    seed: wholeNumber('seed', values.seed ?? String(Date.now() % 1_000_000)),
    releases: values.release === 'all' ? etcds() : values.release.split(',').map(choice),
    lanes: wholeNumber('lanes', values.lanes, 1),
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

function wholeNumber(what: string, text: string, least = 0): number {
  const number = Number(text);
  if (text !== '' && Number.isSafeInteger(number) && number >= least) return number;
  throw new Error(`--${what} must be a whole number, ${String(least)} or more, not ${text}`);
}
