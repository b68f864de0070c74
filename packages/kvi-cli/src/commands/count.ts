import type {Command} from 'commander';
import type {Input} from 'kvi';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {type KeysOptions, selectKeys, withKeys} from '../keys.ts';
import {wholeNumber} from '../parsers.ts';

/** `kvi count KEYS` */
export function define(command: Command, perform: Perform): void {
  withKeys(command)
    .description('Print how many keys there are.')
    .option('--revision <n>', 'count the keys of this revision', wholeNumber)
    .addHelpText('after', '\nExamples:\n  kvi count --prefix /jobs/\n  kvi count --all --json')
    .action((key: Input | undefined, end: Input | undefined, options: KeysOptions & {revision?: number}) =>
      perform(async ({kv, output, signal}) => {
        const {key: start, rangeEnd} = selectKeys(key, end, options);
        const {revision: asked} = options;
        const {count, revision} = await kv.range(
          {start, end: rangeEnd},
          {countOnly: true, revision: asked, signal},
        );
        await output.record([String(count)], {count, revision});
        return ok;
      }),
    );
}
