import type {Command} from 'commander';
import type {Input} from 'kvi';
import type {Perform} from '../context.ts';
import {report, warn} from '../failures.ts';
import {keyHelp, parseKey} from '../keys.ts';
import {milliseconds, ttlSeconds} from '../parsers.ts';
import {runCommand, termGraceHelp} from '../run-command.ts';

interface TempKeyCommandOptions {
  value?: string;
  /** In seconds. */
  ttl?: number;
  /** In milliseconds. */
  termGrace?: number;
}

/** `kvi tempkey KEY -- COMMAND ARGS...` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Run a command while a key exists, and exit with its exit code. The command receives SIGTERM if another client ' +
        'deletes or overwrites the key.',
    )
    .usage('[options] KEY -- COMMAND [ARGS...]')
    .argument('<key>', keyHelp, parseKey)
    .argument('<command...>', 'the command and its arguments')
    .option('--value <value>', 'the value of the key (default: empty)')
    .option('--ttl <seconds>', 'how long the key outlives a crash (default: 10)', ttlSeconds)
    .option('--term-grace <seconds>', termGraceHelp, milliseconds)
    .addHelpText('after', '\nExample:\n  kvi tempkey /services/web/host1 --value 10.0.0.7:80 -- ./serve')
    .action((key: Input, command: string[], {value, ttl, termGrace}: TempKeyCommandOptions) =>
      perform(async ({kv, io, json, signal}) => {
        const tempKey = await kv.tempKey(key, {value, ttlSeconds: ttl, signal});
        try {
          signal.throwIfAborted();
          const exitCode = await runCommand(command, {io, lost: tempKey.signal, termGrace});
          if (!tempKey.signal.aborted) return exitCode;
          return report(tempKey.signal.reason, {stderr: io.stderr, json});
        } finally {
          await tempKey.close().catch((error: unknown) => {
            warn(error, {stderr: io.stderr, json}, 'the key will end with its TTL');
          });
        }
      }),
    );
}
