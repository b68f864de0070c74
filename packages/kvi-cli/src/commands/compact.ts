import type {Command} from 'commander';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {positiveNumber} from '../parsers.ts';

/** `kvi compact REVISION` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Discard the history before a revision, for all clients: older revisions can no longer be read or watched.',
    )
    .argument('<revision>', 'the oldest revision to keep', positiveNumber)
    .addHelpText('after', '\nExample:\n  kvi compact 1000')
    .action((revision: number) =>
      perform(async ({kv, output, signal}) => {
        await kv.compact(revision, {signal});
        await output.record([], {compactRevision: revision});
        return ok;
      }),
    );
}
