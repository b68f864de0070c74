import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';
import {typescriptArgs} from 'kvi-testbed';

/** A script of this folder in a process of its own, killed when the scope that holds it ends. */
export interface Script extends AsyncDisposable {
  /** Writes a line to its standard input. */
  say(line: string): void;
  /** Resolves with what its next line of output holds, as JSON. @throws Error with its complaint when it ended instead */
  hear(): Promise<unknown>;
  signal(name: NodeJS.Signals): void;
  /** Resolves with its exit code; `null` when a signal ended it. */
  readonly exited: Promise<number | null>;
}

/** Runs `NAME.ts` of this folder on the sources of the packages. */
export function spawnScript(name: string, ...args: string[]): Script {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, [...typescriptArgs, file, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
  const stderr = text(child.stderr);
  return {
    say: (line) => {
      child.stdin.write(`${line}\n`);
    },
    async hear() {
      const line = await lines.next();
      if (line.done === true) throw new Error(`${name} ended: ${await stderr}`);
      return JSON.parse(line.value) as unknown;
    },
    signal: (signal) => {
      child.kill(signal);
    },
    exited,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
