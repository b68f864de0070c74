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
  /** Where its history is. */
  readonly file: string;
  /** Whether it holds a lock, by the last that it said. */
  readonly isHolding: boolean;
  signal(name: NodeJS.Signals): void;
  /** Has it do the next step, and resolves when it says that this is done. Rejects when it ended or took too long. */
  step(says: 'stopped' | 'closed'): Promise<void>;
  /** Resolves with whether it ended by itself, in time and without complaint. It is gone then. */
  end(): Promise<boolean>;
  /** Kills it. */
  kill(): Promise<void>;
}

/** How long a step may take: all calls of a client are limited in time. */
const stepMs = 30_000;

/** How long a process may take to exit after it has closed everything. */
const exitMs = 3_000;

const workload = fileURLToPath(new URL('./workload.ts', import.meta.url));

/**
 * Starts a client process, and resolves when its load has begun.
 *
 * @param file for its history; the folder goes with this process, should that end before its time
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
  const said = new Set<string>();
  let isHolding = false;
  lines.on('line', (line) => {
    if (line === 'holding' || line === 'free') isHolding = line === 'holding';
    else said.add(line);
    lines.emit('said');
  });

  async function says(expected: string): Promise<void> {
    const overdue = AbortSignal.timeout(stepMs);
    const ended = new AbortController();
    void child.exited.then(() => ended.abort());
    try {
      while (!said.has(expected))
        await once(lines, 'said', {signal: AbortSignal.any([overdue, ended.signal])});
    } catch {
      const how = overdue.aborted ? `within ${stepMs} ms` : 'before it ended';
      throw new Error(`client ${index} of ${library} did not say "${expected}" ${how}. ${child.complaint()}`);
    }
  }

  try {
    await says('ready');
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
      await says(expected);
    },
    end: async () => {
      const code = await Promise.race([child.exited, sleep(exitMs, undefined, {ref: false})]);
      await child.kill();
      return code === 0;
    },
    kill: () => child.kill(),
  };
}
