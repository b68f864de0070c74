import type {Command} from 'commander';
import type {Perform} from '../context.ts';
import {no, ok} from '../exit-codes.ts';
import {keyValueDocument} from '../output.ts';
import {wholeNumber} from '../parsers.ts';

/** `kvi get KEY` */
export function addGet(program: Command, perform: Perform): void {
  program
    .command('get')
    .summary('print the value of a key')
    .description('Print the value of a key. Exits with 1 if the key does not exist.')
    .argument('<key>')
    .option('-n, --no-newline', 'do not add a newline to the value')
    .option('--revision <n>', 'read the store as it was at this revision', wholeNumber)
    .addHelpText('after', '\nExample:\n  greeting=$(kvi get greeting)')
    .action((key: string, {newline, revision}: {newline: boolean; revision?: number}) =>
      perform(async ({kv, output, signal}) => {
        const found = await kv.getKeyValue(key, {revision, signal});
        if (found === undefined) {
          await output.record([], {key, value: null});
          return no;
        }
        await output.record([found.value], keyValueDocument(found), newline ? '\n' : '');
        return ok;
      }),
    );
}
