import type {Command} from 'commander';
import type {Input} from 'kvi';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {keysOf, type KeysOptions, withKeys} from '../keys.ts';

/** `kvi delete KEYS` */
export function define(command: Command, perform: Perform): void {
  withKeys(command)
    .description('Delete keys, all in one revision, and print how many there were. Zero is not an error.')
    .addHelpText('after', '\nExamples:\n  kvi delete greeting\n  kvi delete --prefix /config/old/')
    .action((key: Input | undefined, end: Input | undefined, options: KeysOptions) =>
      perform(async ({kv, output, signal}) => {
        const selected = keysOf(key, end, options);
        // An empty prefix would be refused, as one that was not meant.
        const keys = options.all ? {start: '\0', end: '\0'} : selected;
        const {deleted} = await kv.deleteRange(keys, {signal});
        await output.record([String(deleted)], {deleted});
        return ok;
      }),
    );
}
