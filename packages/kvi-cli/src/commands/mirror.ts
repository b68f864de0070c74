import type {Command} from 'commander';
import type {Input} from 'kvi';
import {mirrorKeys} from 'kvi/recipes';
import type {Perform} from '../context.ts';
import {ok} from '../exit-codes.ts';
import {usageError} from '../failures.ts';
import {createProgress} from '../progress.ts';
import {keyHelp, parseKey, toBytes} from '../keys.ts';

interface MirrorCommandOptions {
  prefix?: Input;
  all?: boolean;
  to?: string;
  into?: Input;
  checkpoint?: Input;
  leased?: boolean;
}

/** `kvi mirror --prefix PREFIX` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Keep the keys with a prefix in another store, or below another prefix, as they are here, until interrupted. Started again, ' +
        'it continues where it was. Keys there that are not here are deleted.',
    )
    .option('--prefix <prefix>', `the keys; ${keyHelp}`, parseKey)
    .option('--all', 'all keys')
    .option('--to <url>', 'the store to mirror to (default: the same one)')
    .option('--into <prefix>', 'in place of the prefix', parseKey)
    .option(
      '--checkpoint <key>',
      'the key there that holds the position (default: kvi-mirror/ and the prefix)',
      parseKey,
    )
    .option('--leased', 'mirror keys under leases too, without their leases')
    .addHelpText(
      'after',
      '\nExamples:\n  kvi mirror --prefix app/ --to http://standby:2379\n  kvi mirror --prefix app/ --into copy/app/',
    )
    .action((options: MirrorCommandOptions) =>
      perform(async (context) => {
        const {kv, io, output, signal} = context;
        const {prefix: given, all, to, into, checkpoint, leased} = options;
        if ((given === undefined) === (all === undefined))
          throw usageError('give one of --prefix PREFIX and --all');
        if (given?.length === 0)
          throw usageError('an empty prefix matches every key; use --all if you mean that');
        if (to === undefined && into === undefined)
          throw usageError('say where to: --to URL, --into PREFIX or both');
        const prefix = given ?? '';
        await using other = to === undefined ? undefined : await context.openOther(to);
        const total = async () => (await kv.range({prefix}, {countOnly: true, signal})).count;
        const progress = await createProgress({io, unit: 'keys', total});
        const steps = mirrorKeys(
          kv,
          other ?? kv,
          {prefix},
          {
            into,
            checkpoint: checkpoint ?? Buffer.concat(['kvi-mirror/', prefix].map(toBytes)),
            leased,
            signal,
            onCompared: () => progress.advance(1),
          },
        );
        try {
          for await (const {type, revision, keys} of steps) {
            progress.end();
            // Nothing but the checkpoint.
            if (type === 'changes' && keys === 0) continue;
            await output.record([type, String(revision), String(keys)], {type, revision, keys});
          }
          return ok;
        } finally {
          progress.end();
        }
      }),
    );
}
