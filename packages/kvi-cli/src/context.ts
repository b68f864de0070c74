import {open as openFile} from 'node:fs/promises';
import {addAbortSignal, type Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import type {Bytes, Input, Kvi} from 'kvi';
import {connect, readInput} from './connection.ts';
import {isOn} from './environment.ts';
import type {ExitCode} from './exit-codes.ts';
import {Interrupted, messageOf, usageError} from './failures.ts';
import type {Io} from './io.ts';
import {createOutput, type Output} from './output.ts';
import {type GlobalOptions, readSettings, type Settings} from './settings.ts';

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
  /** Opens another store, with the same options. The caller closes it. */
  openOther: (url: string) => Promise<Kvi>;
}

/** The work of a command. */
export type Operation = (context: Context) => Promise<ExitCode>;

/** The environment of a command that opens no store, or opens it by itself. */
export interface Surroundings {
  io: Io;
  output: Output;
  json: boolean;
  /** As they were given. */
  options: GlobalOptions;
  /** Merges options, environment and profile; see {@link readSettings}. */
  settings: (of?: GlobalOptions) => Promise<Settings>;
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
  optionsOf: () => GlobalOptions,
  io: Io,
  done: (exitCode: ExitCode) => void,
): Perform {
  const onStore = async (operation: Operation) => done(await withContext(optionsOf(), io, operation));
  return Object.assign(onStore, {
    async withoutStore(operation: (surroundings: Surroundings) => Promise<ExitCode>) {
      const options = optionsOf();
      const {json = isOn(io.env['KVI_JSON'])} = options;
      const settings = (of = options) => readSettings(of, io);
      done(await operation({io, output: createOutput(io.stdout, {json}), json, options, settings}));
    },
  });
}

/**
 * Runs an operation on an open store.
 *
 * @throws `KVI_INVALID_ARGUMENT` when no URL is given, and what `open` and the operation throw
 */
async function withContext(options: GlobalOptions, io: Io, operation: Operation): Promise<ExitCode> {
  const {json = isOn(io.env['KVI_JSON'])} = options;
  const settings = await readSettings(options, io);
  const notes = {stderr: io.stderr, json};
  const kv = await connect(settings, notes);
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
      openOther: (url) => connect({...settings, url, readOnlyProfile: undefined}, notes),
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
    throw usageError(`cannot read ${file}: ${messageOf(error)}`);
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
