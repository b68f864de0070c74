import {readFile} from 'node:fs/promises';
import {addAbortSignal, type Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import {type Bytes, type Input, type Kvi, open} from 'kvi';
import type {ExitCode} from './exit-codes.ts';
import {Interrupted, usageError} from './failures.ts';
import type {Io} from './io.ts';
import {createOutput, type Output} from './output.ts';

/** The options that every command has. */
export interface ConnectionOptions {
  url?: string;
  /** In milliseconds. */
  timeout?: number;
  json?: boolean;
  /** These three name files. */
  cacert?: string;
  cert?: string;
  key?: string;
}

/** What a command works with. */
export interface Context {
  kv: Kvi<Bytes>;
  io: Io;
  output: Output;
  json: boolean;
  /** Aborts with {@link Interrupted} when the program is asked to end. */
  signal: AbortSignal;
  /** The standard input, which `signal` ends too. */
  stdin: () => Readable;
}

/** What a command does with its context. */
export type Operation = (context: Context) => Promise<ExitCode>;

/** Runs the operation of the command that was called. */
export type Perform = (operation: Operation) => Promise<void>;

/**
 * Opens the store, and closes it when the operation is over.
 *
 * @throws `KVI_INVALID_ARGUMENT` when no URL is given, and what `open` and the operation throw
 */
export async function withContext(
  options: ConnectionOptions,
  io: Io,
  operation: Operation,
): Promise<ExitCode> {
  const {json = false} = options;
  const kv = await connect(options, io.env);
  const {signal, stop} = interruption(io);
  // A command that waits keeps the process, also where its store needs no socket for it.
  const alive = setInterval(() => undefined, 2 ** 30);
  try {
    return await operation({
      kv: kv.bytes,
      io,
      output: createOutput(io.stdout, {json}),
      json,
      signal,
      stdin: () => addAbortSignal(signal, io.stdin()),
    });
  } finally {
    stop();
    clearInterval(alive);
    await kv.close();
  }
}

/** A value as the command line gives it: text, or `-` for what the standard input holds. */
export async function readValue(argument: string, {stdin}: Context): Promise<Input> {
  return argument === '-' ? buffer(stdin()) : argument;
}

async function connect(options: ConnectionOptions, env: Io['env']): Promise<Kvi> {
  const {url, timeout, cacert, cert, key} = options;
  const where = url ?? env['KVI_URL'];
  if (where === undefined || where === '') {
    throw usageError('which store? Give --url, or set KVI_URL, to http://127.0.0.1:2379 for instance');
  }
  return open(where, {
    timeoutMs: timeout,
    etcd: {
      // A script is to know at once; it can try again by itself.
      failFast: true,
      username: env['KVI_USERNAME'],
      password: env['KVI_PASSWORD'],
      // A shell exports the variables for all stores, also for those that use no TLS.
      ...(isSecure(where) || cacert !== undefined || cert !== undefined || key !== undefined
        ? {
            ca: await readPem(cacert ?? variable(env, 'CACERT')),
            cert: await readPem(cert ?? variable(env, 'CERT')),
            key: await readPem(key ?? variable(env, 'KEY')),
          }
        : {}),
    },
  });
}

function isSecure(url: string): boolean {
  return /^\s*(https|etcds|unixs):/i.test(url);
}

/** A variable of kvi, or of etcdctl. One that is empty is as good as none. */
function variable(env: Io['env'], name: string): string | undefined {
  return [env[`KVI_${name}`], env[`ETCDCTL_${name}`]].find((value) => value !== undefined && value !== '');
}

async function readPem(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file);
  } catch (error) {
    throw usageError(`cannot read ${file}: ${String(error)}`);
  }
}

/**
 * Listens from when the store is open: until then nothing has to be put in order, and a signal ends the process as it
 * ends any other.
 */
function interruption(io: Io): {signal: AbortSignal; stop: () => void} {
  const controller = new AbortController();
  const stop = io.onInterrupt((name) => {
    controller.abort(new Interrupted(name));
  });
  return {signal: controller.signal, stop};
}
