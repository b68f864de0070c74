import {type ChildProcessByStdio, spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import type {Readable, Writable} from 'node:stream';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';
import {typescriptArgs} from 'kvi-testbed';

/** A `kvi` in a process of its own. */
export interface KviProcess extends AsyncDisposable {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Resolves with its next line of output. @throws Error with its complaint when it ended instead */
  nextLine(): Promise<string>;
  /** Resolves with its exit code once it and its command have ended; `null` when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Everything that it has written to its standard error, once it has ended. */
  readonly stderr: Promise<string>;
}

const program = fileURLToPath(new URL('../../src/bin.ts', import.meta.url));

/** Starts `kvi` as a shell would. It is killed when the scope that holds it ends. */
export function spawnKvi(args: readonly string[], env: Record<string, string> = {}): KviProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('KVI_'));
  const child = spawn(process.execPath, [...typescriptArgs, program, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {...Object.fromEntries(inherited), ...env},
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
  const stderr = text(child.stderr);
  // A program that does not read its input to the end breaks the pipe.
  child.stdin.on('error', () => undefined);
  return {
    child,
    exited,
    stderr,
    async nextLine() {
      const line = await lines.next();
      if (line.done === true) throw new Error(`kvi ${args.join(' ')} ended: ${await stderr}`);
      return line.value;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
