import type {Writable} from 'node:stream';
import type {Command} from 'commander';
import type {Input} from 'kvi';
import {exportKeys} from 'kvi/recipes';
import {writeAtomically} from '../atomic-file.ts';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {type KeysOptions, keysOf, withKeys} from '../keys.ts';
import {write} from '../output.ts';
import {positiveNumber} from '../parsers.ts';
import {createProgress, type Progress} from '../progress.ts';

interface ExportCommandOptions extends KeysOptions {
  output?: string;
  revision?: number;
  leased?: boolean;
  restart?: boolean;
}

/** `kvi export KEYS` */
export function define(command: Command, perform: Perform): void {
  withKeys(command)
    .description(
      'Print keys and values as lines of JSON, all of one revision, for kvi import. Keys under leases are left out.',
    )
    .option('-o, --output <file>', 'write to this file, which is replaced when the export is complete')
    .option('--revision <n>', 'export the store as it was at this revision', positiveNumber)
    .option('--leased', 'export keys under leases too')
    .option('--restart', 'begin again, with a line that says so, when the revision is compacted meanwhile')
    .addHelpText(
      'after',
      '\nExamples:\n  kvi export --prefix app/ -o app.ndjson\n  kvi export --all | gzip > all.ndjson.gz',
    )
    .action((key: Input | undefined, end: Input | undefined, options: ExportCommandOptions) =>
      perform(async (context) => {
        const {kv, io, signal} = context;
        const {output: file, revision, leased, restart} = options;
        const keys = keysOf(key, end, options);
        const lines = exportKeys(kv, keys, {
          revision,
          leased,
          onCompacted: restart ? 'restart' : 'error',
          signal,
        });
        const total = async () => (await kv.range(keys, {countOnly: true, revision, signal})).count;
        const progress = await createProgress({io, unit: 'keys', total});
        if (file === undefined) progress.printing();
        try {
          if (file === undefined) await writeLines(lines, io.stdout, progress);
          else {
            await writeAtomically(file, async (stream) => {
              await writeLines(lines, stream, progress);
              return {result: undefined, isComplete: true};
            });
          }
          return ok;
        } finally {
          progress.end();
        }
      }),
    );
}

/** Roughly how many characters are written at once. */
const chunkSize = 1 << 16;

async function writeLines(lines: AsyncIterable<string>, stream: Writable, progress: Progress): Promise<void> {
  let chunk = '';
  for await (const line of lines) {
    chunk += `${line}\n`;
    progress.advance(1);
    if (chunk.length < chunkSize) continue;
    await write(stream, chunk);
    chunk = '';
  }
  if (chunk !== '') await write(stream, chunk);
}
