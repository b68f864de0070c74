import type {Command} from 'commander';
import {type Perform, readValue} from '../context.ts';
import {no, ok} from '../exit-codes.ts';
import {usageError} from '../failures.ts';

/** `kvi tas KEY TEST VALUE` */
export function addTas(program: Command, perform: Perform): void {
  program
    .command('tas')
    .summary('test and set: set a key if it has the expected value')
    .description(
      'Test and set: set a key to VALUE if its value is TEST. Print true, or print false and exit with 1.',
    )
    .usage('[options] KEY TEST VALUE | --absent KEY VALUE')
    .argument('<key>')
    .argument('<test>', 'the expected value; omitted with --absent')
    .argument('[value]', 'the value; - reads it, byte for byte, from standard input')
    .option('--absent', 'set the key if it does not exist')
    .addHelpText('after', '\nExamples:\n  kvi tas leader host1 host2\n  kvi tas --absent leader host1')
    .action((key: string, first: string, second: string | undefined, {absent}: {absent?: boolean}) =>
      perform(async (context) => {
        const {kv, output, signal} = context;
        const value = absent ? first : second;
        if (value === undefined) throw usageError('give KEY TEST VALUE, or --absent KEY VALUE');
        if (absent && second !== undefined) throw usageError('--absent replaces TEST: give KEY VALUE');
        const test = absent ? null : first;
        const succeeded = await kv.tas(key, test, await readValue(value, context), {signal});
        await output.record([String(succeeded)], {succeeded});
        return succeeded ? ok : no;
      }),
    );
}
