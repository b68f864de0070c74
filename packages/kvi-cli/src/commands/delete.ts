import type {Command} from 'commander';
import type {Input} from 'kvi';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {type KeysOptions, selectKeys, withKeys} from '../keys.ts';

/** `kvi delete KEYS` */
export function define(command: Command, perform: Perform): void {
  withKeys(command)
    .description('Delete keys, all in one revision, and print how many there were. Zero is not an error.')
    .addHelpText('after', '\nExamples:\n  kvi delete greeting\n  kvi delete --prefix /config/old/')
    .action((key: Input | undefined, end: Input | undefined, options: KeysOptions) =>
      perform(async ({kv, output, signal}) => {
        const {key: start, rangeEnd} = selectKeys(key, end, options);
        const {deleted} = await kv.deleteRange({start, end: rangeEnd}, {signal});
        await output.record([String(deleted)], {deleted});
        return ok;
      }),
    );
}
