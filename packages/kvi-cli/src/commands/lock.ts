import type {Command} from 'commander';
import {type DistLock, isKviError} from 'kvi';
import type {Perform} from '../context.ts';
import {type ErrorOutput, warn} from '../failures.ts';
import {seconds, ttlSeconds} from '../parsers.ts';
import {runCommand} from '../run-command.ts';

interface LockCommandOptions {
  /** In seconds. */
  wait?: number;
  /** In seconds. */
  ttl?: number;
}

/** `kvi lock NAME -- COMMAND ARGS...` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Run a command while holding a lock, and exit with its exit code. The lock is compatible with etcdctl lock and ' +
        'with concurrency.Mutex in Go. The command finds its key and fencing token in KVI_LOCK_KEY and ' +
        'KVI_LOCK_TOKEN, and receives SIGTERM if the lock is lost.',
    )
    .usage('[options] NAME -- COMMAND [ARGS...]')
    .argument('<name>', 'the name of the lock')
    .argument('<command...>', 'the command and its arguments')
    .option(
      '--wait <seconds>',
      'wait at most this many seconds for the lock; 0 tries once (default: no limit)',
      seconds,
    )
    .option('--ttl <seconds>', 'how long the lock outlives a crash (default: 10)', ttlSeconds)
    .addHelpText('after', '\nExample:\n  kvi lock nightly-backup --wait 0 -- ./backup.sh --full')
    .action((name: string, command: string[], {wait, ttl}: LockCommandOptions) =>
      perform(async ({kv, io, json, signal}) => {
        const options = {signal, ttlSeconds: ttl};
        const lock = await (wait === undefined
          ? kv.distLock(name, options)
          : kv.distTimedLock(wait, name, options));
        try {
          signal.throwIfAborted();
          const env = {KVI_LOCK_KEY: lock.key, KVI_LOCK_TOKEN: String(lock.token)};
          return await runCommand(command, {io, env, lost: lock.signal});
        } finally {
          await release(lock, {stderr: io.stderr, json});
        }
      }),
    );
}

/** @throws `KVI_LOCK_LOST`. Whatever else prevents the release, the TTL ends the lock, and the command has run under it. */
async function release(lock: Pick<DistLock, 'release'>, errors: ErrorOutput): Promise<void> {
  try {
    await lock.release();
  } catch (error) {
    if (isKviError(error, 'KVI_LOCK_LOST')) throw error;
    warn(error, errors, 'the lock will end with its TTL');
  }
}
