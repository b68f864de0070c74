import type {Command} from 'commander';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {type KeysOptions, selectKeys, withKeys} from '../keys.ts';

/** `kvi delete KEYS` */
export function addDelete(program: Command, perform: Perform): void {
  withKeys(program.command('delete'))
    .summary('delete keys')
    .description('Delete keys, all in one revision, and print how many there were. None is fine.')
    .addHelpText('after', '\nExamples:\n  kvi delete greeting\n  kvi delete --prefix /config/old/')
    .action((key: string | undefined, end: string | undefined, options: KeysOptions) =>
      perform(async ({kv, output, signal}) => {
        const keys = selectKeys(key, end, options);
        const {responses} = await kv.txn({success: [{type: 'deleteRange', ...keys}]}, {signal});
        const [response] = responses;
        const deleted = response?.type === 'deleteRange' ? response.deleted : 0;
        await output.record([String(deleted)], {deleted});
        return ok;
      }),
    );
}
