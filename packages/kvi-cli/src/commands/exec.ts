import {isUtf8} from 'node:buffer';
import type {Command} from 'commander';
import {type Bytes, type Input, isKviError} from 'kvi';
import type {Context, Perform} from '../context.ts';
import type {ExitCode} from '../exit-codes.ts';
import {usageError, warn} from '../failures.ts';
import {keyHelp, parseKey, toBytes} from '../keys.ts';
import {duration, milliseconds} from '../parsers.ts';
import {afterQuiet} from '../quiet-period.ts';
import {runCommand, termGraceHelp} from '../run-command.ts';

interface ExecCommandOptions {
  prefix: Input;
  /** In milliseconds, as is `termGrace`. */
  debounce?: number;
  termGrace?: number;
  restart: boolean;
}

/** `kvi exec --prefix PREFIX -- COMMAND ARGS...` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Run a command with the keys of a prefix in its environment, and exit with its exit code. app/db/url of the prefix ' +
        'app/ is DB_URL. When a key changes, the command receives SIGTERM, and once it has ended it is run again.',
    )
    .usage('[options] --prefix PREFIX -- COMMAND [ARGS...]')
    .argument('<command...>', 'the command and its arguments')
    .requiredOption('--prefix <prefix>', `the keys; ${keyHelp}`, parseKey)
    .option('--no-restart', 'do not run it again when a key changes')
    .option('--debounce <time>', 'wait until no key has changed for this long (default: 100ms)', duration)
    .option('--term-grace <seconds>', termGraceHelp, milliseconds)
    .addHelpText('after', '\nExample:\n  kvi exec --prefix app/ --term-grace 10 -- ./server')
    .action((command: string[], options: ExecCommandOptions) =>
      perform((context) =>
        options.restart ? runAgain(command, options, context) : runOnce(command, options, context),
      ),
    );
}

async function runOnce(
  command: readonly string[],
  {prefix}: ExecCommandOptions,
  context: Context,
): Promise<ExitCode> {
  const {env} = await readEnvironment(prefix, context);
  return runCommand(command, {io: context.io, env});
}

async function runAgain(
  command: readonly string[],
  options: ExecCommandOptions,
  context: Context,
): Promise<ExitCode> {
  const {prefix, termGrace} = options;
  const {io, json, signal} = context;
  for (;;) {
    const {env, revision} = await readEnvironment(prefix, context);
    const changed = new AbortController();
    const watching = new AbortController();
    const change = untilChanged(
      {env, revision},
      options,
      context,
      AbortSignal.any([signal, watching.signal]),
    );
    change.then(
      () => changed.abort(),
      (error: unknown) => {
        if (watching.signal.aborted) return;
        warn(error, {stderr: io.stderr, json}, 'the command is not run again when keys change');
      },
    );
    const exitCode = await runCommand(command, {io, env, lost: changed.signal, termGrace});
    const isToRunAgain = changed.signal.aborted && !signal.aborted;
    watching.abort();
    if (!isToRunAgain) return exitCode;
  }
}

interface Environment {
  env: Record<string, string>;
  revision: number;
}

/** Resolves when the variables have changed. */
async function untilChanged(
  {env, revision}: Environment,
  {prefix, debounce = 100}: ExecCommandOptions,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const {kv} = context;
  let startRevision = revision + 1;
  for (;;) {
    try {
      for await (const set of afterQuiet(kv.changes({prefix}, {startRevision, signal}), debounce)) {
        startRevision = set.revision + 1;
        const present = await readEnvironment(prefix, {...context, signal});
        if (!isSame(env, present.env)) return;
      }
    } catch (error) {
      if (!isKviError(error, 'KVI_COMPACTED', 'KVI_SLOW_CONSUMER')) throw error;
      const present = await readEnvironment(prefix, {...context, signal});
      if (!isSame(env, present.env)) return;
      startRevision = present.revision + 1;
    }
  }
}

function isSame(one: Record<string, string>, other: Record<string, string>): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** @throws `KVI_INVALID_ARGUMENT` if a key or a value cannot be a variable */
async function readEnvironment(prefix: Input, {kv, signal}: Context): Promise<Environment> {
  const {kvs, revision} = await kv.range({prefix}, {signal});
  const {length} = toBytes(prefix);
  const env: Record<string, string> = {};
  for (const {key, value} of kvs) {
    const path = Buffer.from(key.subarray(length)).toString();
    if (path === '') continue;
    const name = path.replace(/[^A-Za-z0-9]+/g, '_').toUpperCase();
    if (name in env) throw usageError(`two keys would be the variable ${name}; one of them is ${path}`);
    if (!/^[A-Z_]/.test(name)) throw usageError(`the key ${path} makes no name of a variable`);
    env[name] = variable(value, path);
  }
  return {env, revision};
}

function variable(value: Bytes, path: string): string {
  const text = Buffer.from(value);
  if (!isUtf8(text) || text.includes(0))
    throw usageError(`the value of ${path} cannot be in a variable: it is no text`);
  return text.toString();
}
