import {isUtf8} from 'node:buffer';
import type {Command} from 'commander';
import type {Input} from 'kvi';
import {linesOf} from '../batch-syntax.ts';
import {openInput, type Perform} from '../context.ts';
import {usageError} from '../failures.ts';
import {parseKey} from '../keys.ts';
import {createProgress, type Progress} from '../progress.ts';
import {transfer, type TransferOptions, withTransfer} from '../transfer.ts';

/** `kvi import FILE` */
export function define(command: Command, perform: Perform): void {
  withTransfer(command)
    .description(
      'Make keys what an export of kvi says, and print how many were created, changed, deleted and so on. Only what ' +
        'differs is written: an import that was interrupted is resumed by running it again.',
    )
    .argument('<file>', 'what kvi export printed; - reads standard input')
    .option('--into <prefix>', 'in place of the prefix that was exported', parseKey)
    .addHelpText(
      'after',
      '\nExamples:\n  kvi import app.ndjson --dry-run --delete-missing\n  kvi import app.ndjson --into copy/\n' +
        '  gunzip -c all.ndjson.gz | kvi import -',
    )
    .action((file: string, options: TransferOptions & {into?: Input}) =>
      perform(async (context) => {
        const {kv, io} = context;
        const {size, stream} = await openInput(file, context);
        const total = size === undefined ? undefined : () => Promise.resolve(size);
        const progress = await createProgress({io, unit: 'bytes', total});
        const lines = textOf(linesOf(stream), progress);
        return await transfer({target: kv, lines, prefix: options.into, progress}, options, context);
      }),
    );
}

async function* textOf(lines: AsyncIterable<Buffer>, progress: Progress): AsyncGenerator<string, void> {
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (!isUtf8(line)) throw usageError(`line ${number}: it is not UTF-8`);
    progress.advance(line.length + 1);
    yield line.toString();
  }
}
