import {type ChildProcess, spawn} from 'node:child_process';
import {isatty} from 'node:tty';
import {cannotRun, type ExitCode, notFound, ok, signalExitCode} from './exit-codes.ts';
import {CannotRun, systemCode} from './failures.ts';
import type {Io} from './io.ts';

/** What the help says about `termGrace`. */
export const termGraceHelp = 'kill the command if it has not ended this many seconds after its SIGTERM';

/** How to run a command. */
export interface RunCommandOptions {
  io: Io;
  /** Added to the environment of this process. */
  env?: Record<string, string>;
  /** Aborts when the lock, or the like, is lost: the command is sent SIGTERM. */
  lost?: AbortSignal | undefined;
  /** Milliseconds after which it is killed if it has not ended by then. Default: it is waited for. */
  termGrace?: number | undefined;
  /** What it reads. Default: the standard input of this process. */
  input?: Uint8Array | undefined;
}

/**
 * Runs a command on the standard streams of this process, and forwards the interrupts that this process gets.
 *
 * @returns its exit code, as a shell would give it: 128 and the number of the signal if one ended it
 * @throws {@link CannotRun} if it cannot be started
 */
export async function runCommand(
  [file = '', ...args]: readonly string[],
  {io, env, lost, termGrace, input}: RunCommandOptions,
): Promise<ExitCode> {
  const child = start(file, args, {...io.env, ...env}, input === undefined ? 'inherit' : 'pipe');
  // A command need not read its input to the end.
  child.stdin?.on('error', () => undefined).end(input);
  const ended = new Promise<ExitCode>((resolve, reject) => {
    child.once('exit', (code, signal) => {
      resolve(signal === null ? (code ?? ok) : signalExitCode(signal));
    });
    child.on('error', (error) => {
      // If it has a process id it is running, and only a signal could not be sent.
      if (child.pid === undefined) reject(whyNotStarted(file, error));
    });
  });
  const stopForwarding = io.onInterrupt((signal) => {
    // A terminal sends Ctrl-C to all its foreground processes, so the command already has it.
    const isFromTerminal = (signal === 'SIGINT' || signal === 'SIGQUIT') && isatty(0);
    if (!isFromTerminal) child.kill(signal);
  });
  let killing: NodeJS.Timeout | undefined;
  const tell = () => {
    child.kill('SIGTERM');
    if (termGrace !== undefined) killing = setTimeout(() => child.kill('SIGKILL'), termGrace);
  };
  lost?.addEventListener('abort', tell);
  if (lost?.aborted) tell();
  try {
    return await ended;
  } finally {
    clearTimeout(killing);
    lost?.removeEventListener('abort', tell);
    stopForwarding();
  }
}

function start(
  file: string,
  args: readonly string[],
  env: Io['env'],
  stdin: 'inherit' | 'pipe',
): ChildProcess {
  try {
    return spawn(file, args, {stdio: [stdin, 'inherit', 'inherit'], env});
  } catch (error) {
    // Node throws some errors at once, and emits the others.
    throw whyNotStarted(file, error);
  }
}

/** The message and exit code of a shell. */
function whyNotStarted(file: string, error: unknown): CannotRun {
  const code = systemCode(error) ?? String(error);
  if (file === '') return new CannotRun("'': command not found", notFound);
  if (code === 'ENOENT') {
    const reason = file.includes('/') ? 'no such file, or its interpreter is missing' : 'command not found';
    return new CannotRun(`${file}: ${reason}`, notFound);
  }
  const reason = new Map([
    ['EACCES', 'permission denied'],
    ['ENOEXEC', 'not a program; a script begins with #!'],
    ['E2BIG', 'argument list too long'],
  ]).get(code);
  return new CannotRun(`${file}: ${reason ?? `cannot run (${code})`}`, cannotRun);
}
