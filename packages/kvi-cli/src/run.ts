import {type ExitCode, ok} from './exit-codes.ts';
import {report, usageError} from './failures.ts';
import type {Io} from './io.ts';
import {createProgram} from './program.ts';
import {isOn} from './environment.ts';

/**
 * Runs the `kvi` command.
 *
 * @param argv - its arguments, without Node and the script
 * @returns its exit code, once everything is closed and written; never throws
 */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode = ok;
  const json = asksForJson(argv) || isOn(io.env['KVI_JSON']);
  const ignore = () => undefined;
  // Writers get the error too and act on it; without a listener, Node would throw it.
  io.stdout.on('error', ignore);
  try {
    checkText(argv);
    await createProgram(io, {json}, (result) => {
      exitCode = result;
    }).parseAsync(argv, {from: 'user'});
    return exitCode;
  } catch (error) {
    return report(error, {stderr: io.stderr, json});
  }
}

/** Whether errors are to be JSON. Known before the command line is parsed, whose errors are JSON too. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? argv.length : end).includes('--json');
}

/**
 * Node replaces invalid UTF-8 in an argument with U+FFFD, which would be stored instead.
 *
 * @throws `KVI_INVALID_ARGUMENT`
 */
function checkText(args: readonly string[]): void {
  const broken = args.find((arg) => arg.includes('\uFFFD'));
  if (broken === undefined) return;
  throw usageError(
    `the argument ${JSON.stringify(broken)} is not UTF-8; use - to read such a value from standard input`,
  );
}
