import type {Writable} from 'node:stream';
import {CommanderError} from 'commander';
import {KviError, type KviErrorCode} from 'kvi';
import {advice, systemAdvice} from './advice.ts';
import {errorExitCodes, type ExitCode, failed, ok, signalExitCode, usage} from './exit-codes.ts';
import type {Interrupt} from './io.ts';

/** The reason of an aborted call: a signal asked the program to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: Interrupt;

  constructor(signal: Interrupt) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/** The command of `lock` or `tempkey` could not be started. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A command line that does not fit a command. */
export class BadCommandLine extends Error {
  override readonly name = 'BadCommandLine';
  readonly problem: CommanderError;
  /** The command: `get`. */
  readonly command: string;

  constructor(problem: CommanderError, command: string) {
    super(problem.message);
    this.problem = problem;
    this.command = command;
  }
}

/** How the program ends because of an error. */
interface Failure {
  exitCode: ExitCode;
  /** Absent if there is nothing to report: after a signal, a closed pipe, or `--help`. */
  complaint?: Complaint;
}

interface Complaint {
  /** A KviErrorCode, or the operating system's: `ENOSPC`. */
  code: string;
  message: string;
  advice: string;
  isFromKvi: boolean;
}

/** Where errors go, and how. */
export interface ErrorOutput {
  stderr: Writable;
  /** As JSON, one document a line. */
  json?: boolean;
}

/** An error for an invalid command line. */
export function usageError(message: string): KviError {
  return new KviError('KVI_INVALID_ARGUMENT', message);
}

/** The exit code for an error, and what to report. */
function failureOf(error: unknown): Failure {
  const interrupted = interruptOf(error);
  if (interrupted !== undefined) return {exitCode: signalExitCode(interrupted.signal)};
  if (isBrokenPipe(error)) return {exitCode: signalExitCode('SIGPIPE')};
  if (error instanceof CommanderError) return usageFailure(error);
  if (error instanceof BadCommandLine) return usageFailure(error.problem, error.command);
  if (error instanceof CannotRun) return failure(error.exitCode, 'KVI_INVALID_ARGUMENT', error.message);
  if (error instanceof KviError) {
    const {code, message} = error;
    return {
      exitCode: errorExitCodes[code],
      complaint: {code, message, advice: advice[code], isFromKvi: true},
    };
  }
  const code = systemCode(error);
  if (code !== undefined && error instanceof Error && 'syscall' in error) {
    const complaint = {code, message: error.message, advice: systemAdvice, isFromKvi: false};
    return {exitCode: failed, complaint};
  }
  return failure(failed, 'KVI_INTERNAL', messageOf(error));
}

function failure(exitCode: ExitCode, code: KviErrorCode, message: string): Failure {
  return {exitCode, complaint: {code, message, advice: advice[code], isFromKvi: false}};
}

/**
 * Reports on the standard error what went wrong, and returns the exit code for it.
 *
 * @param where - what the message begins with: `line 3`
 */
export function report(error: unknown, output: ErrorOutput, where?: string): ExitCode {
  const {exitCode} = failureOf(error);
  write(error, output, where, exitCode);
  return exitCode;
}

/**
 * Reports an error that does not change the exit code.
 *
 * @param effect - what it leads to
 */
export function warn(error: unknown, output: ErrorOutput, effect: string): void {
  write(error, output, effect);
}

function write(
  error: unknown,
  {stderr, json = false}: ErrorOutput,
  start?: string,
  exitCode?: ExitCode,
): void {
  const {complaint} = failureOf(error);
  if (complaint === undefined) return;
  const {code, isFromKvi, advice} = complaint;
  const message = start === undefined ? complaint.message : `${start}: ${complaint.message}`;
  if (json) stderr.write(`${JSON.stringify({error: {code, message, advice, exitCode}})}\n`);
  else {
    // A warning says what it leads to, and needs no remedy.
    const remedy = exitCode === undefined ? '' : remedyFor(complaint);
    stderr.write(`kvi: ${message}${isFromKvi ? ` (${code})` : ''}${remedy}\n`);
  }
}

/** What follows the message. A message about the command line says by itself what to type. */
function remedyFor({code, advice}: Complaint): string {
  return code === 'KVI_INVALID_ARGUMENT' ? '' : `. ${advice}`;
}

/** Whether the program must end at once: a signal asked for it, or its output was closed. */
export function endsProgram(error: unknown): boolean {
  return interruptOf(error) !== undefined || isBrokenPipe(error);
}

/** Not for a write of unknown outcome that a signal cut short: that has to be reported. */
function interruptOf(error: unknown): Interrupted | undefined {
  if (error instanceof Interrupted) return error;
  if (error instanceof KviError && error.code !== 'KVI_ABORTED') return undefined;
  return error instanceof Error && error.cause instanceof Interrupted ? error.cause : undefined;
}

function isBrokenPipe(error: unknown): boolean {
  return systemCode(error) === 'EPIPE';
}

/** What an error says, without its name. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of an error of the operating system. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** @param command - absent: the program itself was misused */
function usageFailure({code, exitCode, message}: CommanderError, command?: string): Failure {
  if (exitCode === 0) return {exitCode: ok};
  const why = code === 'commander.help' ? 'no command given' : explain(message, command);
  return failure(usage, 'KVI_INVALID_ARGUMENT', why);
}

/** Commander's message on one line, and what to type instead. */
function explain(message: string, command: string | undefined): string {
  const line = message.replace(/^error: |\.$/g, '').replace('\n', ' ');
  const [, unknown = ''] = /^unknown command '(.*)'/.exec(line) ?? [];
  const ours = command === undefined ? otherNames.get(unknown) : undefined;
  if (ours !== undefined) return `unknown command '${unknown}'; use ${ours}`;
  if (line.includes('(Did you mean')) return line;
  return `${line}; see ${['kvi', command, '--help'].filter((word) => word !== undefined).join(' ')}`;
}

/** What other tools call our commands. */
const otherNames: ReadonlyMap<string, string> = new Map(
  Object.entries({
    put: 'store',
    set: 'store',
    write: 'store',
    read: 'get',
    fetch: 'get',
    cat: 'get',
    list: 'ls',
    keys: 'ls',
    dir: 'ls',
    tree: 'ls --tree',
    scan: 'range',
    del: 'delete',
    rm: 'delete',
    remove: 'delete',
    cas: 'tas',
    subscribe: 'watch',
    leader: 'elect',
    env: 'exec',
    compaction: 'compact',
  }),
);
