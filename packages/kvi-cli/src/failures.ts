import type {Writable} from 'node:stream';
import {CommanderError} from 'commander';
import {KviError, type KviErrorCode} from 'kvi';
import {errorExitCodes, type ExitCode, failed, ok, signalExitCode, usage} from './exit-codes.ts';
import type {Interrupt} from './io.ts';

/** Why a call was aborted: a signal asked the program to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: Interrupt;

  constructor(signal: Interrupt) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/** How the program ends because of an error. */
interface Failure {
  exitCode: ExitCode;
  /** Absent where no error of kvi's is the reason. */
  code?: KviErrorCode;
  /** For people. Absent where whoever ended the program knows why, or commander has said it. */
  message?: string;
}

/** Where errors go, and how. */
export interface ErrorOutput {
  stderr: Writable;
  /** As JSON, one document a line. */
  json?: boolean;
}

/** An error for a command line that means nothing. */
export function usageError(message: string): KviError {
  return new KviError('KVI_INVALID_ARGUMENT', message);
}

/** What an error means for whoever called the program. */
function failureOf(error: unknown): Failure {
  const interrupted = interruptOf(error);
  if (interrupted !== undefined) return {exitCode: signalExitCode(interrupted.signal)};
  if (isBrokenPipe(error)) return {exitCode: signalExitCode('SIGPIPE')};
  if (error instanceof CommanderError) return usageFailure(error);
  if (error instanceof KviError) {
    const {code, message} = error;
    return {exitCode: errorExitCodes[code], code, message};
  }
  return {exitCode: failed, message: error instanceof Error ? error.message : String(error)};
}

/**
 * Says on the standard error what went wrong, and returns the exit code for it.
 *
 * @param about - what the message begins with: `line 3`
 */
export function report(error: unknown, {stderr, json = false}: ErrorOutput, about?: string): ExitCode {
  const {exitCode, code, message} = failureOf(error);
  if (message === undefined) return exitCode;
  const whole = about === undefined ? message : `${about}: ${message}`;
  if (json) stderr.write(`${JSON.stringify({error: {code, message: whole, exitCode}})}\n`);
  else stderr.write(`kvi: ${whole}${code === undefined ? '' : ` (${code})`}\n`);
  return exitCode;
}

/** Whether the program is to end at once, because a signal said so or nobody reads its output any more. */
export function endsProgram(error: unknown): boolean {
  return interruptOf(error) !== undefined || isBrokenPipe(error);
}

/** A write of unknown outcome that an interrupt cut short is not among them: that has to be told. */
function interruptOf(error: unknown): Interrupted | undefined {
  if (error instanceof Interrupted) return error;
  if (error instanceof KviError && error.code !== 'KVI_ABORTED') return undefined;
  return error instanceof Error && error.cause instanceof Interrupted ? error.cause : undefined;
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}

function usageFailure(error: CommanderError): Failure {
  if (error.exitCode === 0) return {exitCode: ok};
  // Called without a command, commander has written the help already.
  if (error.code === 'commander.help') return {exitCode: usage};
  // A suggestion stands on a line of its own.
  const message = error.message.replace(/^error: /, '').replace('\n', ' ');
  const [, unknown = ''] = /^unknown command '(.*)'/.exec(message) ?? [];
  const ours = wordsOfOthers[unknown];
  return {
    exitCode: usage,
    message: ours === undefined ? message : `unknown command '${unknown}'; use ${ours}`,
  };
}

/** What other tools call what kvi has. */
const wordsOfOthers: Readonly<Record<string, string>> = {
  put: 'store',
  set: 'store',
  write: 'store',
  read: 'get',
  cat: 'get',
  ls: 'range --prefix PREFIX',
  list: 'range --prefix PREFIX',
  keys: 'range --keys-only',
  scan: 'range',
  del: 'delete',
  rm: 'delete',
  remove: 'delete',
  cas: 'tas',
  txn: 'transaction',
  subscribe: 'watch',
  elect: 'lock',
  compaction: 'compact',
};
