import type {Command} from 'commander';
import {type Perform, readValue} from '../context.ts';
import {isKviError} from 'kvi';
import {ok} from '../exit-codes.ts';
import {usageError} from '../failures.ts';
import {ttlSeconds} from '../parsers.ts';

interface StoreCommandOptions {
  /** In seconds. */
  ttl?: number;
  lease?: string;
}

/** `kvi store KEY VALUE` */
export function addStore(program: Command, perform: Perform): void {
  program
    .command('store')
    .summary('set a key')
    .description('Set a key.')
    .argument('<key>')
    .argument('<value>', 'the value; - reads it, byte for byte, from standard input')
    .option('--ttl <seconds>', 'delete the key after this time, and print its lease', ttlSeconds)
    .option('--lease <id>', 'delete the key when this lease ends')
    .addHelpText(
      'after',
      '\nExamples:\n  kvi store greeting hello\n  kvi store logo - < logo.png\n  kvi store balance -- -5' +
        '\n  kvi store maintenance on --ttl 600',
    )
    .action((key: string, value: string, {ttl, lease: given}: StoreCommandOptions) =>
      perform(async (context) => {
        const {kv, output, signal} = context;
        if (ttl !== undefined && given !== undefined) throw usageError('give --ttl or --lease, not both');
        const input = await readValue(value, context);
        if (ttl === undefined) {
          await kv.store(key, input, {lease: given, signal});
          await output.record([], given === undefined ? {stored: true} : {stored: true, lease: given});
          return ok;
        }
        const granted = await kv.lease({ttlSeconds: ttl, keepAlive: false, signal});
        try {
          await kv.store(key, input, {lease: granted.id, signal});
        } catch (error) {
          // The key may have been stored; then it must keep its lease.
          if (!isKviError(error, 'KVI_UNKNOWN_OUTCOME')) await granted.revoke().catch(() => undefined);
          throw error;
        }
        await output.record([granted.id], {stored: true, lease: granted.id, ttlSeconds: granted.ttlSeconds});
        return ok;
      }),
    );
}
