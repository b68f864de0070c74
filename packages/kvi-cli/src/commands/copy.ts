import type {Command} from 'commander';
import type {Input} from 'kvi';
import {exportKeys} from 'kvi/recipes';
import type {Perform} from '../context.ts';
import {usageError} from '../failures.ts';
import {type KeysOptions, keysOf, parseKey, withKeys} from '../keys.ts';
import {positiveNumber} from '../parsers.ts';
import {createProgress, type Progress} from '../progress.ts';
import {transfer, type TransferOptions, withTransfer} from '../transfer.ts';

interface CopyCommandOptions extends KeysOptions, TransferOptions {
  to?: string;
  into?: Input;
  revision?: number;
}

/** `kvi copy KEYS` */
export function define(command: Command, perform: Perform): void {
  withTransfer(withKeys(command))
    .description(
      'Copy keys, as of one revision, to another prefix, or to another store, and print how many were created, changed, ' +
        'deleted and so on. Only what differs is written: run it again to resume it.',
    )
    .option('--to <url>', 'the store to copy to (default: the same one)')
    .option('--into <prefix>', 'in place of the prefix', parseKey)
    .option('--revision <n>', 'copy the keys as they were at this revision', positiveNumber)
    .addHelpText(
      'after',
      '\nExamples:\n  kvi copy --prefix app/ --into backup/app/\n' +
        '  kvi copy --prefix app/ --to http://standby:2379 --delete-missing --dry-run',
    )
    .action((key: Input | undefined, end: Input | undefined, options: CopyCommandOptions) =>
      perform(async (context) => {
        const {kv, io, signal} = context;
        const {to, into, revision, leased} = options;
        if (to === undefined && into === undefined)
          throw usageError('say where to: --to URL, --into PREFIX or both');
        const keys = keysOf(key, end, options);
        await using other = to === undefined ? undefined : await context.openOther(to);
        const total = async () => (await kv.range(keys, {countOnly: true, revision, signal})).count;
        const progress = await createProgress({io, unit: 'keys', total});
        const onCompacted = revision === undefined ? 'restart' : 'error';
        const lines = counted(exportKeys(kv, keys, {revision, leased, onCompacted, signal}), progress);
        return await transfer({target: other?.bytes ?? kv, lines, prefix: into, progress}, options, context);
      }),
    );
}

async function* counted(lines: AsyncIterable<string>, progress: Progress): AsyncGenerator<string, void> {
  for await (const line of lines) {
    progress.advance(1);
    yield line;
  }
}
