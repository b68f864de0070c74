import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {downloadPackages} from './debian-archive.ts';

const run = promisify(execFile);
const cache = join(import.meta.dirname, '../../../node_modules/.cache/kvi-testbed');

/** Python, its client of etcd, and what that needs. */
const packages = {
  release: 'bookworm',
  part: 'usr',
  names: [
    ...['python3.11-minimal', 'libpython3.11-minimal', 'libpython3.11-stdlib'],
    ...['python3-etcd3', 'python3-grpcio', 'python3-protobuf', 'python3-tenacity', 'python3-six'],
    ...['libprotobuf32', 'libabsl20220623', 'libc-ares2', 'libre2-9'],
  ],
};

/**
 * Runs a program of Python that uses `etcd3` of Debian's `python3-etcd3`.
 *
 * @returns what it printed
 * @throws Error if it fails, or cannot be had
 */
export async function runPython(program: string, ...args: string[]): Promise<string> {
  const home = join(cache, 'python3-etcd3');
  if (!existsSync(home)) await downloadPackages(packages, home);
  const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((name) => join(home, 'lib', name));
  const {stdout} = await run(join(home, 'bin/python3.11'), ['-c', program, ...args], {
    env: {
      PYTHONHOME: home,
      PYTHONPATH: join(home, 'lib/python3/dist-packages'),
      LD_LIBRARY_PATH: libraries.join(':'),
    },
  });
  return stdout;
}
