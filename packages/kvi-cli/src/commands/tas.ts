import type {Command} from 'commander';
import type {Input} from 'kvi';
import {type Perform, readValue, valueHelp} from '../context.ts';
import {no, ok} from '../exit-codes.ts';
import {usageError} from '../failures.ts';
import {keyHelp, parseKey} from '../keys.ts';

/** `kvi tas KEY TEST VALUE` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Test and set: set a key to VALUE if its value is TEST. Print true, or print false and exit with 1.',
    )
    .usage('[options] KEY TEST VALUE | --absent KEY VALUE')
    .argument('<key>', keyHelp, parseKey)
    .argument('<test>', 'the expected value; omitted with --absent; @FILE reads it from a file')
    .argument('[value]', valueHelp)
    .option('--absent', 'set the key if it does not exist')
    .addHelpText('after', '\nExamples:\n  kvi tas leader host1 host2\n  kvi tas --absent leader host1')
    .action((key: Input, first: string, second: string | undefined, {absent}: {absent?: boolean}) =>
      perform(async (context) => {
        const {kv, output, signal} = context;
        const value = absent ? first : second;
        if (value === undefined) throw usageError('give KEY TEST VALUE, or --absent KEY VALUE');
        if (absent && second !== undefined) throw usageError('--absent replaces TEST: give KEY VALUE');
        if (!absent && first === '-' && value === '-') throw usageError('standard input can be read once');
        const test = absent ? null : await readValue(first, context);
        const succeeded = await kv.tas(key, test, await readValue(value, context), {signal});
        await output.record([String(succeeded)], {succeeded});
        return succeeded ? ok : no;
      }),
    );
}
