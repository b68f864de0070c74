import {open as openFile, readFile} from 'node:fs/promises';
import {addAbortSignal, type Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import {type Bytes, type EtcdOptions, type Input, type Kvi, open} from 'kvi';
import type {ExitCode} from './exit-codes.ts';
import {Interrupted, usageError} from './failures.ts';
import type {Io} from './io.ts';
import {createOutput, type Output} from './output.ts';

/** The options of every command. */
export interface ConnectionOptions {
  url?: string;
  /** In milliseconds. */
  timeout?: number;
  json?: boolean;
  /** Files, as are `cert` and `key`. */
  cacert?: string;
  cert?: string;
  key?: string;
}

/** The environment of a command. */
export interface Context {
  kv: Kvi<Bytes>;
  io: Io;
  output: Output;
  json: boolean;
  /** Aborts with {@link Interrupted} when a signal asks the program to end. */
  signal: AbortSignal;
  /** The standard input, which `signal` ends as well. */
  stdin: () => Readable;
  /** Opens another store, with the same options. Whoever calls it closes it. */
  openOther: (url: string) => Promise<Kvi>;
}

/** The work of a command. */
export type Operation = (context: Context) => Promise<ExitCode>;

/** What a command has that opens no store, or opens it by itself. */
export interface Surroundings {
  io: Io;
  output: Output;
  json: boolean;
  options: ConnectionOptions;
}

/** Runs the operation of the chosen command. */
export interface Perform {
  /** On an open store. */
  (operation: Operation): Promise<void>;
  withoutStore(operation: (surroundings: Surroundings) => Promise<ExitCode>): Promise<void>;
}

/**
 * Makes what runs the operation of the chosen command.
 *
 * @param optionsOf - reads the options of all commands, once the command line is parsed
 * @param done - receives the exit code
 */
export function performer(
  optionsOf: () => ConnectionOptions,
  io: Io,
  done: (exitCode: ExitCode) => void,
): Perform {
  const onStore = async (operation: Operation) => done(await withContext(optionsOf(), io, operation));
  return Object.assign(onStore, {
    async withoutStore(operation: (surroundings: Surroundings) => Promise<ExitCode>) {
      const options = optionsOf();
      const {json = false} = options;
      done(await operation({io, output: createOutput(io.stdout, {json}), json, options}));
    },
  });
}

/**
 * Runs an operation on an open store.
 *
 * @throws `KVI_INVALID_ARGUMENT` when no URL is given, and what `open` and the operation throw
 */
async function withContext(options: ConnectionOptions, io: Io, operation: Operation): Promise<ExitCode> {
  const {json = false} = options;
  const kv = await connect(options, io.env);
  const {signal, stop} = interruption(io);
  // A command that waits keeps the process alive, even if its store has no socket open.
  const alive = setInterval(() => undefined, 2 ** 30);
  try {
    return await operation({
      kv: kv.bytes,
      io,
      output: createOutput(io.stdout, {json}),
      json,
      signal,
      stdin: () => addAbortSignal(signal, io.stdin()),
      openOther: (url) => connect({...options, url}, io.env),
    });
  } finally {
    stop();
    clearInterval(alive);
    await kv.close();
  }
}

/** An input of a command. */
export interface OpenedInput {
  stream: Readable;
  /** In bytes, if it is a file. */
  size?: number;
}

/**
 * Opens a file to read, or with `-` the standard input; a signal ends the reading.
 *
 * @throws `KVI_INVALID_ARGUMENT` if it cannot be opened
 */
export async function openInput(file: string, {stdin, signal}: Context): Promise<OpenedInput> {
  if (file === '-') return {stream: stdin()};
  try {
    const handle = await openFile(file);
    const stat = await handle.stat();
    if (stat.isDirectory()) throw new Error('it is a directory');
    const stream = addAbortSignal(signal, handle.createReadStream());
    return stat.isFile() ? {stream, size: stat.size} : {stream};
  } catch (error) {
    throw usageError(`cannot read ${file}: ${String(error)}`);
  }
}

/** What the help says about values. */
export const valueHelp = 'the value; - reads it, byte for byte, from standard input, @FILE from a file';

/**
 * A value from the command line: text, `-` to read standard input, or `@FILE`. A text that begins with `@` has another in
 * front of it.
 *
 * @throws `KVI_INVALID_ARGUMENT` if the file cannot be read
 */
export async function readValue(argument: string, {stdin}: Context): Promise<Input> {
  if (argument === '-') return buffer(stdin());
  if (!argument.startsWith('@')) return argument;
  return argument.startsWith('@@') ? argument.slice(1) : readInput(argument.slice(1));
}

async function connect(options: ConnectionOptions, env: Io['env']): Promise<Kvi> {
  const {url, timeout} = options;
  const where = url ?? env['KVI_URL'];
  if (where === undefined || where === '') {
    throw usageError('no store given: pass --url or set KVI_URL, for example to http://127.0.0.1:2379');
  }
  // A script wants to know at once, and can try again by itself.
  const etcd = {failFast: true, ...(await storeCredentials(where, options, env))};
  return open(where, {timeoutMs: timeout, etcd});
}

/** As whom a store is opened, and whom to trust. @throws `KVI_INVALID_ARGUMENT` if a file cannot be read */
export async function storeCredentials(
  url: string,
  {cacert, cert, key}: Pick<ConnectionOptions, 'cacert' | 'cert' | 'key'>,
  env: Io['env'],
): Promise<StoreCredentials> {
  const user = {username: env['KVI_USERNAME'], password: env['KVI_PASSWORD']};
  // A shell exports the variables for every store, including those without TLS.
  const isTls = isSecure(url) || cacert !== undefined || cert !== undefined || key !== undefined;
  if (!isTls) return user;
  return {
    ...user,
    ca: await readPem(cacert ?? variable(env, 'CACERT')),
    cert: await readPem(cert ?? variable(env, 'CERT')),
    key: await readPem(key ?? variable(env, 'KEY')),
  };
}

type StoreCredentials = Pick<EtcdOptions, 'username' | 'password' | 'ca' | 'cert' | 'key'>;

function isSecure(url: string): boolean {
  return /^\s*(https|etcds|unixs):/i.test(url);
}

/** A variable of kvi, or else of etcdctl. An empty variable counts as unset. */
function variable(env: Io['env'], name: string): string | undefined {
  return [env[`KVI_${name}`], env[`ETCDCTL_${name}`]].find((value) => value !== undefined && value !== '');
}

async function readPem(file: string | undefined): Promise<Buffer | undefined> {
  return file === undefined ? undefined : readInput(file);
}

/** @throws `KVI_INVALID_ARGUMENT` */
export async function readInput(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw usageError(`cannot read ${file}: ${String(error)}`);
  }
}

/**
 * Listens once the store is open: until then there is nothing to clean up, and a signal ends the process as usual.
 */
function interruption(io: Io): {signal: AbortSignal; stop: () => void} {
  const controller = new AbortController();
  const stop = io.onInterrupt((name) => {
    controller.abort(new Interrupted(name));
  });
  return {signal: controller.signal, stop};
}
