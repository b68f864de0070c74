import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {delimiter, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {downloadEtcd} from './debian-archive.ts';

const run = promisify(execFile);

/** The Debian releases whose etcd the tests know: 3.4.23, 3.5.16 and 3.5.30 in November 2026. */
export type Release = 'bookworm' | 'trixie' | 'sid';

const defaultRelease: Release = 'bookworm';

const cache = fileURLToPath(new URL('../../../node_modules/.cache/kvi-testbed/', import.meta.url));

/** An etcd that can be started. */
export interface EtcdBinary {
  path: string;
  /** As `etcd --version` says it: `3.4.23`. */
  version: string;
  /** Whether it has `--unsafe-no-fsync` (3.5 and later). */
  canSkipFsync: boolean;
}

/**
 * Finds an etcd, or downloads one. In this order:
 * 1. the release that was asked for, here or by `KVI_TEST_ETCD_RELEASE`, from the project's cache or downloaded into it;
 * 2. `ETCD_BIN`;
 * 3. `etcd` on the PATH, when it is 3.4 or later;
 * 4. etcd of Debian bookworm, from the cache or downloaded into it.
 *
 * @throws Error that says what to do, when there is none to be had
 */
export async function provisionEtcd(release?: Release): Promise<EtcdBinary> {
  const wanted = release ?? wantedRelease();
  if (wanted === undefined) {
    const configured = process.env['ETCD_BIN'];
    if (configured !== undefined) return inspect(configured);
    const onPath = findOnPath('etcd');
    const binary = onPath === undefined ? undefined : await inspect(onPath).catch(() => undefined);
    if (binary !== undefined) return binary;
  }
  return inspect(join(await cached(wanted ?? defaultRelease), 'etcd'));
}

/**
 * Finds an etcdctl, or downloads one: `ETCDCTL_BIN`, beside the etcd of {@link provisionEtcd}, on the PATH, the cache.
 *
 * @throws Error that says what to do, when there is none to be had
 */
export async function provisionEtcdctl(release?: Release): Promise<string> {
  const wanted = release ?? wantedRelease();
  if (wanted === undefined) {
    const configured = process.env['ETCDCTL_BIN'];
    if (configured !== undefined) return configured;
    const beside = join(dirname((await provisionEtcd()).path), 'etcdctl');
    if (existsSync(beside)) return beside;
    const onPath = findOnPath('etcdctl');
    if (onPath !== undefined) return onPath;
  }
  return join(await cached(wanted ?? defaultRelease), 'etcdctl');
}

function wantedRelease(): Release | undefined {
  const name = process.env['KVI_TEST_ETCD_RELEASE'];
  if (name === undefined || name === 'bookworm' || name === 'trixie' || name === 'sid') return name;
  throw new Error(`KVI_TEST_ETCD_RELEASE is "${name}"; it must be bookworm, trixie or sid`);
}

function findOnPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

async function inspect(path: string): Promise<EtcdBinary> {
  const {stdout} = await run(path, ['--version']).catch((cause: unknown) => {
    throw new Error(`${path} does not run`, {cause});
  });
  const [, version, major, minor] = /^etcd Version: ((\d+)\.(\d+)\S*)/m.exec(stdout) ?? [];
  if (version === undefined) throw new Error(`${path} is not an etcd`);
  const generation = Number(major) * 100 + Number(minor);
  if (generation < 304) throw new Error(`${path} is etcd ${version}; the tests need 3.4 or later`);
  return {path, version, canSkipFsync: generation >= 305};
}

async function cached(release: Release): Promise<string> {
  const folder = join(cache, `etcd-${release}`);
  if (existsSync(folder)) return folder;
  try {
    await downloadEtcd(release, folder);
  } catch (cause) {
    throw new Error(
      'The tests need a real etcd and found none, nor could one be downloaded from a Debian archive. ' +
        'Put etcd 3.4 or later on the PATH, or name it with ETCD_BIN=/path/to/etcd (and ETCDCTL_BIN), or leave out ' +
        `the tests that need it with KVI_TEST_ETCD=skip. (${String(cause)})`,
      {cause},
    );
  }
  return folder;
}
