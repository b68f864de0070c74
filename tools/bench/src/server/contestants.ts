/** The servers that are measured, each a process of its own. */
import {startEtcd} from 'kvi-testbed/programs';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

/** A server that was started for a measurement. */
export interface Contestant extends AsyncDisposable {
  readonly url: string;
  /** `kvi-server on mem:`, `etcd 3.5.16` */
  readonly name: string;
  readonly pid: number;
}

const builtCommand = fileURLToPath(new URL('../../../../packages/kvi-cli/dist/bin.cjs', import.meta.url));

/** How the command is started. */
export interface Program {
  /** Its file. Default: what is built. */
  command?: string;
  nodeArgs?: readonly string[];
}

/** As a user starts it. */
export async function startKvi({command = builtCommand, nodeArgs = []}: Program = {}): Promise<Contestant> {
  const child = spawn(process.execPath, [...nodeArgs, command, 'serve', 'mem:', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const {url, pid} = JSON.parse(line) as {url: string; pid: number};
  return {
    url,
    pid,
    name: 'kvi-server on mem:',
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** With its data in memory, and the heartbeat and the election that it has by default. */
export async function startEtcdInMemory(): Promise<Contestant> {
  const dataDir = await mkdtemp('/dev/shm/kvi-bench-');
  const args = ['--heartbeat-interval', '100', '--election-timeout', '1000'];
  const etcd = await startEtcd({
    dataDir,
    args,
    ...(process.env['ETCD_BIN'] === undefined ? {release: 'trixie'} : {}),
  });
  return {
    url: etcd.url,
    pid: etcd.pid,
    name: `etcd ${etcd.version}`,
    async [Symbol.asyncDispose]() {
      await etcd.stop();
      await rm(dataDir, {recursive: true, force: true});
    },
  };
}

/** Linux counts in hundredths of a second. */
const ticksPerSecond = 100;

/** The user and system time that a process has had, in seconds. */
export async function cpuOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** The memory of a process that is not shared with files, in MB. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
