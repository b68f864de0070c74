import type {Command} from 'commander';
import {type Input, type KeyRange, prefixEnd} from 'kvi';
import {usageError} from './failures.ts';

/** The options that name keys. */
export interface KeysOptions {
  prefix?: string;
  fromKey?: string;
  all?: boolean;
}

/** Lets a command name keys, in one of five ways; {@link selectKeys} reads them. */
export function withKeys(command: Command): Command {
  return command
    .usage('[options] KEY | START END | --prefix PREFIX | --from-key KEY | --all')
    .argument('[key]', 'the key, or the first key')
    .argument('[end]', 'the key after the last one: the range is half-open')
    .option('--prefix <prefix>', 'all keys with this prefix')
    .option('--from-key <key>', 'all keys from this one on')
    .option('--all', 'all keys');
}

/**
 * The keys that a command line names.
 *
 * @throws `KVI_INVALID_ARGUMENT` when it names none, or in two ways. An empty prefix is refused, because it is every
 *   key's: a script whose variable is not set must not delete them all.
 */
export function selectKeys(
  key: string | undefined,
  end: string | undefined,
  {prefix, fromKey, all}: KeysOptions,
): KeyRange<Input> {
  if ([key, prefix, fromKey, all].filter((way) => way !== undefined).length !== 1) {
    throw usageError('which keys? Give one of KEY, START END, --prefix PREFIX, --from-key KEY and --all');
  }
  if (prefix === '') throw usageError('an empty prefix is that of all keys; write --all if you mean them');
  if (prefix !== undefined) return {key: prefix, rangeEnd: prefixEnd(Buffer.from(prefix))};
  if (key !== undefined) return {key, rangeEnd: end};
  return {key: fromKey ?? '\0', rangeEnd: '\0'};
}
