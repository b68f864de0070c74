import type {Command} from 'commander';
import {sequence} from 'kvi/recipes';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';

/** `kvi sequence next` */
export function define(command: Command, perform: Perform): void {
  command.description('Take unique, increasing numbers.');
  command
    .command('next')
    .summary('take the next number')
    .description('Take the next number of a sequence, and print it. The first is 1.')
    .argument('<name>', 'the name of the sequence, which is the key of its last number')
    .addHelpText('after', '\nExample:\n  number=$(kvi sequence next invoice)')
    .action((name: string) =>
      perform(async ({kv, output, signal}) => {
        const number = await sequence(kv, name).next({signal});
        await output.record([String(number)], {number});
        return ok;
      }),
    );
}
