import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import type {Readable} from 'node:stream';

/** A process that a test started, and that ends with it. */
export interface Child {
  readonly pid: number;
  /** Its output, to be read or resumed by whoever started it. */
  readonly stdout: Readable;
  /** The last of what it wrote to its standard error. */
  complaint(): string;
  /** Whether it has ended. */
  hasExited(): boolean;
  /** Resolves with its exit code once it has ended, `null` when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Sends a signal. One that has ended gets none. */
  signal(name: NodeJS.Signals): void;
  /** Ends it with SIGKILL and resolves when it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts a program without the `ETCD_*` and `ETCDCTL_*` variables of this process, which would change what it does.
 *
 * @param scratch a folder to remove when this process ends before the child does
 * @param cwd where it runs; default: here
 * @throws Error when it cannot be started
 */
export async function startChild(
  command: string,
  args: readonly string[],
  scratch = '',
  cwd?: string,
): Promise<Child> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^ETCD(CTL)?_/.test(name));
  const child = spawn(command, args, {
    ...(cwd === undefined ? {} : {cwd}),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...Object.fromEntries(inherited),
      ETCDCTL_API: '3',
      // etcd 3.4 refuses to start on ARM without it.
      ...(process.arch.startsWith('arm') ? {ETCD_UNSUPPORTED_ARCH: process.arch} : {}),
    },
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  await once(child, 'spawn');
  const {pid} = child;
  if (pid === undefined) throw new Error(`${command} did not start`);

  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-4096);
  });
  endWithThisProcess(child, scratch);

  return {
    pid,
    stdout: child.stdout,
    complaint: () => complaint.trim(),
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    exited,
    signal: (name) => {
      child.kill(name);
    },
    kill: async () => {
      // Output that nobody reads would keep the child from being done.
      child.stdout.destroy();
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/**
 * A shell that waits for the end of its input, which comes when this process ends, however it ends, and then kills the
 * child. An `exit` handler would do less: jest's sandbox never runs it, and nothing does after SIGKILL. It is detached
 * because Ctrl-C in a terminal ends a whole process group, which would spare a child that is stopped.
 */
function endWithThisProcess(child: ChildProcess, scratch: string): void {
  const reaper = spawn('sh', ['-c', 'read -r _; kill -9 "$0"; rm -rf "$1"', String(child.pid), scratch], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.once('exit', () => reaper.kill('SIGKILL'));
}
