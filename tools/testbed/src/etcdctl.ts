import {createInterface} from 'node:readline';
import {text} from 'node:stream/consumers';
import {startChild} from './child.ts';
import {provisionEtcdctl} from './provision.ts';

/** What a finished command left. */
export interface EtcdctlResult {
  stdout: string;
  stderr: string;
  /** Its exit code; `null` when a signal ended it. */
  code: number | null;
}

/** A command that goes on until it is stopped, `lock` or `watch`. */
export interface EtcdctlProcess extends AsyncDisposable {
  readonly pid: number;
  /**
   * Resolves with its next line of output.
   *
   * @throws Error with its complaint, when it ended instead
   */
  nextLine(): Promise<string>;
  /** Sends it a signal. SIGINT makes `etcdctl lock` release its lock and end; SIGKILL leaves it to the lease. */
  signal(name: NodeJS.Signals): void;
  /** Resolves with its exit code once it has ended, `null` when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Kills it. Safe to repeat. */
  stop(): Promise<void>;
}

/** Runs `etcdctl` to its end. A failure is a result: look at its `code`. */
export async function etcdctl(url: string, ...args: string[]): Promise<EtcdctlResult> {
  const child = await startChild(await provisionEtcdctl(), ['--endpoints', url, ...args]);
  const stdout = await text(child.stdout);
  const code = await child.exited;
  return {stdout, stderr: child.complaint(), code};
}

/** As {@link etcdctl}, with what it reads from its standard input: the parts of a `txn`. */
export async function etcdctlWithInput(
  url: string,
  input: string,
  ...args: string[]
): Promise<EtcdctlResult> {
  const command = [await provisionEtcdctl(), '--endpoints', url, ...args];
  const child = await startChild('/bin/sh', ['-c', 'printf %s "$0" | "$@"', input, ...command]);
  const stdout = await text(child.stdout);
  const code = await child.exited;
  return {stdout, stderr: child.complaint(), code};
}

/** Starts `etcdctl` and leaves it running: `spawnEtcdctl(url, 'lock', 'NAME')` prints the lock's key once it holds it. */
export async function spawnEtcdctl(url: string, ...args: string[]): Promise<EtcdctlProcess> {
  const child = await startChild(await provisionEtcdctl(), ['--endpoints', url, ...args]);
  const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
  const stop = (): Promise<void> => child.kill();
  return {
    pid: child.pid,
    nextLine: async () => {
      const line = await lines.next();
      if (line.done === true) throw new Error(`etcdctl ${args.join(' ')} ended: ${child.complaint()}`);
      return line.value;
    },
    signal: (name) => {
      child.signal(name);
    },
    exited: child.exited,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
