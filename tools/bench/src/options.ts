import {parseArgs} from 'node:util';

/** What can be measured by itself. */
export const groups = ['etcd', 'lock', 'watch', 'mem', 'start', 'growth'] as const;
export type Group = (typeof groups)[number];

/** What `npm run bench` is told. */
export interface CommandLine {
  help: boolean;
  quick: boolean;
  rounds: number;
  only: readonly Group[];
}

/** What `--help` prints. */
export const usage = `npm run bench -- [options]     measures kvi beside its peers

  --quick         a tenth of the work, to see that it runs
  --only G        ${groups.join(', ')}, or several with commas between; default: all
  --rounds N      7, the default, or more

A run of all groups that is not quick writes docs/benchmarks.md; one of growth alone writes its part of it.`;

/** @throws Error that says what is wrong */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const {values} = parseArgs({
    args: [...args],
    options: {
      quick: {type: 'boolean', default: false},
      only: {type: 'string', default: groups.join(',')},
      rounds: {type: 'string', default: '7'},
      help: {type: 'boolean', short: 'h', default: false},
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isSafeInteger(rounds) || rounds < 7) {
    throw new Error(`--rounds must be a whole number, 7 or more, not ${values.rounds}`);
  }
  return {help: values.help, quick: values.quick, rounds, only: values.only.split(',').map(group)};
}

function group(name: string): Group {
  const known = groups.find((each) => each === name);
  if (known) return known;
  throw new Error(`--only must be one or several of ${groups.join(',')}, not ${name}`);
}
