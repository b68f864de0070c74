/** The group `start`: what a process pays to have a handle, and a script for each command. */
import {spawn} from 'node:child_process';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';
import type {Bench} from './bench.ts';
import type {Sample} from './rounds.ts';

/** Where `kvi` can be imported from. */
const here = fileURLToPath(new URL('.', import.meta.url));
const reportCpu = fileURLToPath(new URL('report-cpu.cjs', import.meta.url));
const builtCommand = fileURLToPath(new URL('../../../packages/kvi-cli/dist/bin.cjs', import.meta.url));
const open = "import('kvi').then(({open}) => open('mem:'))";

/** What is started. */
export interface Started {
  /** The etcd that the command asks. */
  url: string;
  /** The file of the command. Default: what is built. */
  command?: string;
  /** For every process that is measured. Default: none, which imports what is built. */
  nodeArgs?: readonly string[];
}

export async function processStart(
  bench: Bench,
  {url, command = builtCommand, nodeArgs = []}: Started,
): Promise<void> {
  const cpuOf = (...args: string[]) => cpuOfProcess([...nodeArgs, ...args]);
  const peers = {'node -e 0': () => cpuOf('-e', '0')};
  await bench.measure({
    name: "start: import('kvi'), open('mem:')",
    kvi: () => cpuOf('-e', open),
    peers,
    relation: 'difference',
  });
  await cpuOf(command, '--url', url, 'store', 'start', 'v');
  await bench.measure({
    name: 'start: kvi get KEY, the whole process',
    kvi: () => cpuOf(command, '--url', url, 'get', 'start'),
    peers,
  });
}

/** @throws Error if the program fails */
async function cpuOfProcess(args: readonly string[]): Promise<Sample> {
  const child = spawn(process.execPath, ['--require', reportCpu, ...args], {
    cwd: here,
    env: {...process.env, NODE_OPTIONS: ''},
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const report = child.stdio[3];
  if (!(report && 'read' in report)) throw new Error('the pipe for the report is missing');
  const usage: unknown = JSON.parse(await text(report));
  const code = await exited;
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}`);
  const {user, system} = usage as NodeJS.CpuUsage;
  return {'ms of CPU': (user + system) / 1_000};
}
