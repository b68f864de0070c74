import {PassThrough, Readable} from 'node:stream';
import {buffer, text} from 'node:stream/consumers';
import {run} from '../../src/run.ts';

/** What a run of the program left. */
export interface RunResult {
  exitCode: number;
  stdout: string;
  /** The standard output, byte by byte. */
  bytes: Buffer;
  stderr: string;
}

/** What it is run with. */
interface RunOptions {
  input?: string | Uint8Array | undefined;
  env?: Record<string, string>;
  /** Whether the standard output is a terminal. */
  isTTY?: boolean;
}

/** Runs the program in this process, with nothing of this process's environment. */
export async function runKvi(
  args: readonly string[],
  {input = '', env = {}, isTTY = false}: RunOptions = {},
): Promise<RunResult> {
  const stdout = Object.assign(new PassThrough(), {isTTY});
  const stderr = new PassThrough();
  const written = Promise.all([buffer(stdout), text(stderr)]);
  const exitCode = await run(args, {
    stdin: () => Readable.from([Buffer.from(input)]),
    stdout,
    stderr,
    env,
    onInterrupt: () => () => undefined,
  });
  stdout.end();
  stderr.end();
  const [bytes, complaint] = await written;
  return {exitCode, stdout: bytes.toString(), bytes, stderr: complaint};
}

/** The revision that the next write of a store will make; others may write too. */
export async function nextRevision(url: string): Promise<string> {
  const {stdout} = await runKvi(['--url', url, 'range', '--all', '--count-only', '--json']);
  const {revision} = JSON.parse(stdout) as {revision: number};
  return String(revision + 1);
}
