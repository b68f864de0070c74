import {type ExitCode, ok} from './exit-codes.ts';
import {report, usageError} from './failures.ts';
import type {Io} from './io.ts';
import {createProgram} from './program.ts';

/**
 * Runs the `kvi` command.
 *
 * @param argv - its arguments, without those that name Node and the script
 * @returns its exit code, when everything is closed and written; never throws
 */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode = ok;
  const ignore = () => undefined;
  // Who writes learns of the error too, and acts on it; without a listener, Node would throw it.
  io.stdout.on('error', ignore);
  try {
    checkText(argv);
    await createProgram(io, (result) => {
      exitCode = result;
    }).parseAsync(argv, {from: 'user'});
    return exitCode;
  } catch (error) {
    return report(error, {stderr: io.stderr, json: asksForJson(argv)});
  }
}

/** Whether errors are to be JSON too, also those of a command line that means nothing. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? argv.length : end).includes('--json');
}

/**
 * Node turns bytes in an argument that are not UTF-8 into U+FFFD, which would be stored in their place.
 *
 * @throws `KVI_INVALID_ARGUMENT`
 */
function checkText(args: readonly string[]): void {
  const broken = args.find((arg) => arg.includes('\uFFFD'));
  if (broken === undefined) return;
  throw usageError(
    `the argument ${JSON.stringify(broken)} is not UTF-8; a value can come from standard input: -`,
  );
}
