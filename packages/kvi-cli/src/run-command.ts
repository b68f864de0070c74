import {spawn} from 'node:child_process';
import {isatty} from 'node:tty';
import {cannotRun, type ExitCode, notFound, ok, signalExitCode} from './exit-codes.ts';
import {report} from './failures.ts';
import type {Io} from './io.ts';

/** How to run a command. */
export interface RunCommandOptions {
  io: Io;
  /** Whether errors are written as JSON. */
  json: boolean;
  /** What its environment has beside this process's. */
  env?: Record<string, string>;
  /** Aborts when what it runs under is lost: it is told to end with SIGTERM. */
  lost: AbortSignal;
}

/**
 * Runs a command on the standard streams of this process, and hands it the interrupts that this process gets.
 *
 * @returns its exit code, as a shell would give it: 127 when there is no such command, 126 when it cannot be run, 128 and
 *   the number of the signal that ended it
 */
export async function runCommand(
  [file = '', ...args]: readonly string[],
  {io, json, env, lost}: RunCommandOptions,
): Promise<ExitCode> {
  const child = spawn(file, args, {stdio: 'inherit', env: {...io.env, ...env}});
  const ended = new Promise<ExitCode>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(signal === null ? (code ?? ok) : signalExitCode(signal));
    });
    child.on('error', (error) => {
      report(explain(file, error), {stderr: io.stderr, json});
      // With a process id it runs, and only a signal could not be sent to it.
      if (child.pid === undefined) resolve(isNotFound(error) ? notFound : cannotRun);
    });
  });
  const stopForwarding = io.onInterrupt((signal) => {
    // A terminal sends Ctrl-C to all its foreground processes: the command has it already.
    if (signal !== 'SIGINT' || !isatty(0)) child.kill(signal);
  });
  const tell = () => child.kill('SIGTERM');
  lost.addEventListener('abort', tell);
  if (lost.aborted) tell();
  try {
    return await ended;
  } finally {
    lost.removeEventListener('abort', tell);
    stopForwarding();
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** As a shell says it. */
function explain(file: string, error: Error): Error {
  if (isNotFound(error)) return new Error(`${file}: command not found`, {cause: error});
  const isForbidden = 'code' in error && error.code === 'EACCES';
  return isForbidden ? new Error(`${file}: permission denied`, {cause: error}) : error;
}
