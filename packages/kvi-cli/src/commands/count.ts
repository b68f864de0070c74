import type {Command} from 'commander';
import type {Input} from 'kvi';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {keysOf, type KeysOptions, withKeys} from '../keys.ts';
import {wholeNumber} from '../parsers.ts';

/** `kvi count KEYS` */
export function define(command: Command, perform: Perform): void {
  withKeys(command)
    .description('Print how many keys there are.')
    .option('--revision <n>', 'count the keys of this revision', wholeNumber)
    .addHelpText('after', '\nExamples:\n  kvi count --prefix /jobs/\n  kvi count --all --json')
    .action((key: Input | undefined, end: Input | undefined, options: KeysOptions & {revision?: number}) =>
      perform(async ({kv, output, signal}) => {
        const keys = keysOf(key, end, options);
        const reading = {countOnly: true, revision: options.revision, signal};
        const {count, revision} = await kv.range(keys, reading);
        await output.record([String(count)], {count, revision});
        return ok;
      }),
    );
}
