import type {Command} from 'commander';
import type {Input} from 'kvi';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {type KeysOptions, selectKeys, withKeys} from '../keys.ts';
import {formOf, type FormOptions, keyValueDocument, withForm} from '../output.ts';
import {wholeNumber} from '../parsers.ts';

interface RangeCommandOptions extends KeysOptions, FormOptions {
  limit?: number;
  reverse?: boolean;
  keysOnly?: boolean;
  countOnly?: boolean;
  revision?: number;
}

/** `kvi range KEYS` */
export function define(command: Command, perform: Perform): void {
  withForm(withKeys(command))
    .description('Print keys and their values, in the byte order of the keys.')
    .option('--limit <n>', 'print at most n keys', wholeNumber)
    .option('--reverse', 'print the last key first')
    .option('--keys-only', 'omit the values')
    .option('--count-only', 'print how many keys there are')
    .option('--revision <n>', 'read the store as it was at this revision', wholeNumber)
    .addHelpText('after', '\nExamples:\n  kvi range --prefix /config/\n  kvi range a c --limit 10 --json')
    .action((key: Input | undefined, end: Input | undefined, options: RangeCommandOptions) =>
      perform(async ({kv, output, signal}) => {
        const {limit, reverse, keysOnly, countOnly, revision} = options;
        const {key: start, rangeEnd} = selectKeys(key, end, options);
        const found = await kv.range(
          {start, end: rangeEnd},
          {limit, sortOrder: reverse ? 'descend' : 'ascend', keysOnly, countOnly, revision, signal},
        );
        if (countOnly) {
          await output.record([String(found.count)], {count: found.count, revision: found.revision});
          return ok;
        }
        for (const kv of found.kvs) {
          const {value, ...rest} = keyValueDocument(kv);
          if (keysOnly) await output.record([kv.key], rest, formOf(options));
          else await output.record([kv.key, kv.value], {...rest, value}, formOf(options));
        }
        return ok;
      }),
    );
}
