import type {Command} from 'commander';
import {type Perform, readValue} from '../context.ts';
import {ok} from '../exit-codes.ts';

/** `kvi store KEY VALUE` */
export function addStore(program: Command, perform: Perform): void {
  program
    .command('store')
    .summary('set a key')
    .description('Set a key.')
    .argument('<key>')
    .argument('<value>', 'the value; - reads it from standard input, all bytes as they are')
    .addHelpText(
      'after',
      '\nExamples:\n  kvi store greeting hello\n  kvi store logo - < logo.png\n  kvi store balance -- -5',
    )
    .action((key: string, value: string) =>
      perform(async (context) => {
        const {kv, output, signal} = context;
        await kv.store(key, await readValue(value, context), {signal});
        await output.record([], {stored: true});
        return ok;
      }),
    );
}
