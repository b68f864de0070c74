import type {Command} from 'commander';
import type {Bytes, Input} from 'kvi';
import {usageError} from './failures.ts';

/** The options that select keys. */
export interface KeysOptions {
  prefix?: Input;
  fromKey?: Input;
  all?: boolean;
}

/**
 * A key from the command line: text, or `hex:`, `base64:` and its bytes. `text:` is for a text that begins like one of them.
 *
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function parseKey(argument: string): Input {
  const [, form, rest = ''] = /^(text|hex|base64):(.*)$/su.exec(argument) ?? [];
  if (form === undefined) return argument;
  if (form === 'text') return rest;
  const encoding = form as 'hex' | 'base64';
  const bytes = Buffer.from(rest, encoding);
  // Node ignores invalid characters.
  const canonical = encoding === 'hex' ? rest.toLowerCase() : rest;
  if (bytes.toString(encoding) !== canonical) {
    throw usageError(`the key ${argument} is not ${form}; write text:${argument} for the key that reads so`);
  }
  return bytes;
}

/** What the help says about keys. */
export const keyHelp = 'text, or hex:... or base64:...';

/** Adds the five ways to select keys; {@link keysOf} reads them. */
export function withKeys(command: Command): Command {
  return command
    .usage('[options] KEY | START END | --prefix PREFIX | --from-key KEY | --all')
    .argument('[key]', `the key, or the first key; ${keyHelp}`, parseKey)
    .argument('[end]', 'the end of the range, which is excluded', parseKey)
    .option('--prefix <prefix>', 'all keys with this prefix', parseKey)
    .option('--from-key <key>', 'all keys from this key on', parseKey)
    .option('--all', 'all keys');
}

/**
 * The keys that a command line selects; with `--all`, an empty prefix.
 *
 * @throws `KVI_INVALID_ARGUMENT` if it selects none, or in two ways. An empty prefix on the command line is refused, because it
 *   matches every key: a script with an unset variable must not delete them all.
 */
export function keysOf(
  key: Input | undefined,
  end: Input | undefined,
  {prefix, fromKey, all}: KeysOptions,
): {prefix: Input} | {start: Input; end: Input | undefined} {
  if ([key, prefix, fromKey, all].filter((way) => way !== undefined).length !== 1) {
    throw usageError('expected one of KEY, START END, --prefix PREFIX, --from-key KEY and --all');
  }
  if (prefix?.length === 0) throw usageError('an empty prefix matches every key; use --all if you mean that');
  if (key !== undefined) return {start: key, end};
  return fromKey === undefined ? {prefix: prefix ?? ''} : {start: fromKey, end: '\0'};
}

/** A key or value as bytes. */
export function toBytes(input: Input): Bytes {
  return typeof input === 'string' ? Buffer.from(input) : input;
}
