import {Argument, type Command} from 'commander';
import type {CompareResult, Input} from 'kvi';
import type {Perform} from '../context.ts';
import {no, ok} from '../exit-codes.ts';
import {keyHelp, parseKey} from '../keys.ts';

type Arguments = [
  key: Input,
  op: CompareResult,
  value: string,
  thenKey: Input,
  thenValue: string,
  elseKey: Input,
  elseValue: string,
];

/** `kvi transaction KEY OP VALUE THENKEY THENVALUE ELSEKEY ELSEVALUE` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Set one of two keys, depending on how the value of KEY compares to VALUE. Print true, or print false and exit ' +
        'with 1. Any comparison with a missing key is false.',
    )
    .argument('<key>', keyHelp, parseKey)
    .addArgument(
      new Argument('<op>', 'how to compare, in byte order; quote < and > from the shell').choices([
        '=',
        '!=',
        '<',
        '>',
      ]),
    )
    .argument('<value>')
    .argument('<thenKey>', 'the key to set if the comparison is true', parseKey)
    .argument('<thenValue>')
    .argument('<elseKey>', 'the key to set if it is false', parseKey)
    .argument('<elseValue>')
    .addHelpText('after', '\nExample:\n  kvi transaction state = ready started yes waiting yes')
    .action((...args: Arguments) =>
      perform(async ({kv, output, signal}) => {
        const [key, op, value, thenKey, thenValue, elseKey, elseValue] = args;
        const succeeded = await kv.transaction(key, op, value, thenKey, thenValue, elseKey, elseValue, {
          signal,
        });
        await output.record([String(succeeded)], {succeeded});
        return succeeded ? ok : no;
      }),
    );
}
