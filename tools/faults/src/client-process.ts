import {once} from 'node:events';
import {dirname} from 'node:path';
import {createInterface} from 'node:readline';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {startChild, typescriptArgs} from 'kvi-testbed/programs';

/** The libraries that the battery runs on. */
export type Library = 'kvi' | 'etcd3';

/** A process that runs {@link file://./workload.ts}. */
export interface ClientProcess {
  readonly index: number;
  /** The file with its history. */
  readonly file: string;
  /** Whether it holds a lock, according to the last line it printed. */
  readonly isHolding: boolean;
  signal(name: NodeJS.Signals): void;
  /** Has it take the next step, and resolves when it prints that it has. Rejects if it exits or takes too long. */
  step(name: 'stopped' | 'closed'): Promise<void>;
  /** Waits for it to exit, kills it if it does not, and resolves with whether it exited by itself and with code 0. */
  end(): Promise<boolean>;
  kill(): Promise<void>;
}

/** How long a step may take. Every call of a client has a timeout that is shorter. */
const stepMs = 30_000;

/** How long a process may take to exit once it has closed everything. */
const exitMs = 3_000;

const workload = fileURLToPath(new URL('./workload.ts', import.meta.url));

/**
 * Starts a client process, and resolves when its load has begun.
 *
 * @param file where it writes its history. If our process dies, the folder of this file is deleted
 */
export async function startClient(
  library: Library,
  index: number,
  seed: number,
  file: string,
  endpoints: readonly string[],
): Promise<ClientProcess> {
  const args = [library, String(index), String(seed), file, endpoints.join(',')];
  const child = await startChild(process.execPath, [...typescriptArgs, workload, ...args], dirname(file));
  const lines = createInterface({input: child.stdout});
  const printed = new Set<string>();
  let isHolding = false;
  lines.on('line', (line) => {
    if (line === 'holding' || line === 'free') isHolding = line === 'holding';
    else printed.add(line);
    lines.emit('printed');
  });

  async function untilPrinted(expected: string): Promise<void> {
    const overdue = AbortSignal.timeout(stepMs);
    const ended = new AbortController();
    void child.exited.then(() => ended.abort());
    try {
      while (!printed.has(expected))
        await once(lines, 'printed', {signal: AbortSignal.any([overdue, ended.signal])});
    } catch {
      const how = overdue.aborted ? `within ${stepMs} ms` : 'before it exited';
      throw new Error(
        `client ${index} of ${library} did not print "${expected}" ${how}. ${child.complaint()}`,
      );
    }
  }

  try {
    await untilPrinted('ready');
  } catch (error) {
    await child.kill();
    throw error;
  }
  return {
    index,
    file,
    get isHolding() {
      return isHolding;
    },
    signal: (name) => {
      child.signal(name);
    },
    step: async (expected) => {
      child.signal('SIGUSR2');
      await untilPrinted(expected);
    },
    end: async () => {
      const code = await Promise.race([child.exited, sleep(exitMs, undefined, {ref: false})]);
      await child.kill();
      return code === 0;
    },
    kill: () => child.kill(),
  };
}
