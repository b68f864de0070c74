/** The group `start`: what a process pays to have a handle. */
import {execFile} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import type {Bench} from './bench.ts';
import type {Sample} from './rounds.ts';

const run = promisify(execFile);
/** Where `kvi` can be imported from. */
const here = fileURLToPath(new URL('.', import.meta.url));
const open = "import('kvi').then(({open}) => open('mem:'))";
const report = "process.on('exit', () => console.log(JSON.stringify(process.cpuUsage())));";

/** @param nodeArgs for every process that is measured. Default: none, which imports what is built. */
export async function processStart(bench: Bench, nodeArgs: readonly string[] = []): Promise<void> {
  await bench.measure({
    name: "start: import('kvi'), open('mem:')",
    kvi: () => cpuOf(open, nodeArgs),
    peers: {'node -e 0': () => cpuOf('0', nodeArgs)},
    relation: 'difference',
  });
}

/** Runs a program, which says at its end what CPU it took, the start of Node included. */
async function cpuOf(program: string, nodeArgs: readonly string[]): Promise<Sample> {
  const {stdout} = await run(process.execPath, [...nodeArgs, '-e', `${report} ${program}`], {
    cwd: here,
    env: {...process.env, NODE_OPTIONS: ''},
  });
  const usage: unknown = JSON.parse(stdout);
  const {user, system} = usage as NodeJS.CpuUsage;
  return {'ms of CPU': (user + system) / 1_000};
}
