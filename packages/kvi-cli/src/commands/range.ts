import type {Command} from 'commander';
import type {Input} from 'kvi';
import {scan} from 'kvi/recipes';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {type KeysOptions, keysOf, withKeys} from '../keys.ts';
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
    .option('--reverse', 'print the last key first; it reads all of them before')
    .option('--keys-only', 'omit the values')
    .option('--count-only', 'print how many keys there are')
    .option('--revision <n>', 'read the store as it was at this revision', wholeNumber)
    .addHelpText('after', '\nExamples:\n  kvi range --prefix /config/\n  kvi range a c --limit 10 --json')
    .action((key: Input | undefined, end: Input | undefined, options: RangeCommandOptions) =>
      perform(async ({kv, output, signal}) => {
        const {limit = 0, reverse, keysOnly, countOnly, revision: asked} = options;
        const keys = keysOf(key, end, options);
        const reading = {keysOnly, revision: asked, signal};
        if (countOnly) {
          const {count, revision} = await kv.range(keys, {...reading, countOnly});
          await output.record([String(count)], {count, revision});
          return ok;
        }
        const found = reverse
          ? await kv.getRange(keys, {...reading, limit, sortOrder: 'descend'})
          : scan(kv, keys, reading);
        let printed = 0;
        for await (const each of found) {
          const {value, ...rest} = keyValueDocument(each);
          if (keysOnly) await output.record([each.key], rest, formOf(options));
          else await output.record([each.key, each.value], {...rest, value}, formOf(options));
          printed += 1;
          if (printed === limit) break;
        }
        return ok;
      }),
    );
}
