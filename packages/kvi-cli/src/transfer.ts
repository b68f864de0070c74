import type {Command} from 'commander';
import type {Bytes, Input, Kvi} from 'kvi';
import {importKeys} from 'kvi/recipes';
import type {Context} from './context.ts';
import {type ExitCode, ok} from './exit-codes.ts';
import {jsonBytes} from './output.ts';
import type {Progress} from './progress.ts';

/** The options of commands that make keys what an export says. */
export interface TransferOptions {
  dryRun?: boolean;
  deleteMissing?: boolean;
  leased?: boolean;
  overwriteLeased?: boolean;
  changes?: boolean;
}

/** Adds the options that {@link transfer} takes. */
export function withTransfer(command: Command): Command {
  return command
    .option('--dry-run', 'write nothing, and print what would change')
    .option('--delete-missing', 'delete the keys that the source does not have')
    .option('--leased', 'copy keys under leases too, without their leases')
    .option('--overwrite-leased', 'overwrite and delete keys that are under a lease in the target')
    .option('--changes', 'print each key that is created, changed, deleted or skipped');
}

/** Where the lines come from, and where the keys go. */
export interface Transfer {
  target: Kvi<Bytes>;
  lines: AsyncIterable<string>;
  /** Takes the place of the exported one. */
  prefix: Input | undefined;
  progress: Progress;
}

/** Writes the differences, and prints how many there were. With `dryRun`, prints them only. */
export async function transfer(
  {target, lines, prefix, progress}: Transfer,
  options: TransferOptions,
  {output, signal}: Context,
): Promise<ExitCode> {
  const {changes, dryRun, deleteMissing, leased, overwriteLeased} = options;
  try {
    const {revision, ...counts} = await importKeys(target, lines, {
      prefix,
      dryRun,
      deleteMissing,
      leased,
      overwriteLeased,
      signal,
      onChange:
        changes || dryRun
          ? async ({type, key}) => {
              progress.printing();
              await output.record([type, key], {type, key: jsonBytes(key)});
            }
          : undefined,
    });
    progress.end();
    const text = Object.entries(counts).map((field) => field.join('\t'));
    await output.record(dryRun ? [] : [text.join('\n')], {...counts, revision});
    return ok;
  } finally {
    progress.end();
  }
}
