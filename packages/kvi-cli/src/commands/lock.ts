import type {Command} from 'commander';
import {isKviError, KviError} from 'kvi';
import {semaphore} from 'kvi/recipes';
import type {Context, Perform} from '../context.ts';
import {type ErrorOutput, warn} from '../failures.ts';
import {thisHolder} from '../holder.ts';
import {milliseconds, positiveNumber, ttlSeconds} from '../parsers.ts';
import {runCommand, termGraceHelp} from '../run-command.ts';

interface LockCommandOptions {
  /** In milliseconds, as is `termGrace`. */
  wait?: number;
  /** In seconds. */
  ttl?: number;
  holders?: number;
  termGrace?: number;
}

/** `kvi lock NAME -- COMMAND ARGS...` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Run a command while holding a lock, and exit with its exit code. The lock is compatible with etcdctl lock and ' +
        'with concurrency.Mutex in Go. The command finds its key and fencing token in KVI_LOCK_KEY and ' +
        'KVI_LOCK_TOKEN, and receives SIGTERM if the lock is lost; kvi exits with 104 then, whatever its exit code.',
    )
    .usage('[options] NAME -- COMMAND [ARGS...]')
    .argument('<name>', 'the name of the lock')
    .argument('<command...>', 'the command and its arguments')
    .option(
      '--wait <seconds>',
      'wait at most this many seconds for the lock; 0 tries once (default: no limit)',
      milliseconds,
    )
    .option('--ttl <seconds>', 'how long the lock outlives a crash (default: 10)', ttlSeconds)
    .option(
      '--holders <n>',
      'let this many hold it at a time; all have to name the same number',
      positiveNumber,
    )
    .option('--term-grace <seconds>', termGraceHelp, milliseconds)
    .addHelpText(
      'after',
      '\nExamples:\n  kvi lock nightly-backup --wait 0 -- ./backup.sh --full\n' +
        '  kvi lock gpu --holders 3 --term-grace 10 -- ./render',
    )
    .action((name: string, command: string[], options: LockCommandOptions) =>
      perform(async (context) => {
        const {io, json, signal} = context;
        const held = await acquire(name, options, context);
        try {
          signal.throwIfAborted();
          const token = String(held.token);
          const env = {
            KVI_LOCK_KEY: held.key,
            KVI_LOCK_TOKEN: token,
            // etcdctl's names.
            ETCD_LOCK_KEY: held.key,
            ETCD_LOCK_REV: token,
          };
          return await runCommand(command, {io, env, lost: held.signal, termGrace: options.termGrace});
        } finally {
          await release(held, {stderr: io.stderr, json});
        }
      }),
    );
}

/** A lock, or a permit of a semaphore. */
interface Held {
  key: string;
  token: number;
  signal: AbortSignal;
  release(): Promise<void>;
}

/** @throws `KVI_TIMEOUT` */
async function acquire(
  name: string,
  {wait, ttl, holders}: LockCommandOptions,
  {kv, signal}: Context,
): Promise<Held> {
  const options = {signal, ttlSeconds: ttl, value: JSON.stringify(thisHolder())};
  if (holders === undefined) {
    return wait === undefined ? kv.distLock(name, options) : kv.distTimedLock(wait / 1_000, name, options);
  }
  const permits = semaphore(kv, name, holders);
  if (wait !== 0) return permits.acquire({...options, timeoutMs: wait});
  const permit = await permits.tryAcquire(options);
  if (permit !== undefined) return permit;
  throw new KviError('KVI_TIMEOUT', `the lock ${name} has ${holders} holders, or others wait for it`);
}

/** @throws `KVI_LOCK_LOST`. Whatever else prevents the release, the TTL ends the lock, and the command has run under it. */
async function release(held: Held, errors: ErrorOutput): Promise<void> {
  try {
    await held.release();
  } catch (error) {
    if (isKviError(error, 'KVI_LOCK_LOST', 'KVI_PERMIT_LOST')) throw error;
    warn(error, errors, 'the lock will end with its TTL');
  }
}
