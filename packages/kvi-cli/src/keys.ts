import type {Command} from 'commander';
import {type Input, type KeyRange, prefixEnd} from 'kvi';
import {usageError} from './failures.ts';

/** The options that select keys. */
export interface KeysOptions {
  prefix?: string;
  fromKey?: string;
  all?: boolean;
}

/** Adds the five ways to select keys; {@link selectKeys} reads them. */
export function withKeys(command: Command): Command {
  return command
    .usage('[options] KEY | START END | --prefix PREFIX | --from-key KEY | --all')
    .argument('[key]', 'the key, or the first key')
    .argument('[end]', 'the end of the range, which is excluded')
    .option('--prefix <prefix>', 'all keys with this prefix')
    .option('--from-key <key>', 'all keys from this key on')
    .option('--all', 'all keys');
}

/**
 * The keys that a command line selects.
 *
 * @throws `KVI_INVALID_ARGUMENT` if it selects none, or in two ways. An empty prefix is refused, because it matches every
 *   key: a script with an unset variable must not delete them all.
 */
export function selectKeys(
  key: string | undefined,
  end: string | undefined,
  {prefix, fromKey, all}: KeysOptions,
): KeyRange<Input> {
  if ([key, prefix, fromKey, all].filter((way) => way !== undefined).length !== 1) {
    throw usageError('expected one of KEY, START END, --prefix PREFIX, --from-key KEY and --all');
  }
  if (prefix === '') throw usageError('an empty prefix matches every key; use --all if you mean that');
  if (prefix !== undefined) return {key: prefix, rangeEnd: prefixEnd(Buffer.from(prefix))};
  if (key !== undefined) return {key, rangeEnd: end};
  return {key: fromKey ?? '\0', rangeEnd: '\0'};
}
