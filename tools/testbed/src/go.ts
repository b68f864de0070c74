import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {delimiter, join} from 'node:path';
import {promisify} from 'node:util';
import {type DebianPackages, downloadPackages} from './debian-archive.ts';

const run = promisify(execFile);
const cache = join(import.meta.dirname, '../../../node_modules/.cache/kvi-testbed');

/** Go, and libraries for it, as a release of Debian has them. */
export interface GoPackages extends Omit<DebianPackages, 'part'> {
  /** What the folder is called that they are put into. */
  name: string;
  /** Go's, `1.24`. */
  version: string;
}

/** How to run `go`. */
interface GoCommand {
  args: readonly string[];
  cwd: string;
  env?: Record<string, string>;
  /** A folder whose `src` has further packages. */
  path?: string;
}

/** Where libraries are, once they were downloaded. */
export async function goSources(packages: GoPackages): Promise<string> {
  const home = join(cache, packages.name);
  if (!existsSync(home)) await downloadPackages({...packages, part: 'usr'}, home);
  return join(home, 'share/gocode/src');
}

/**
 * Runs `go`. It keeps what it compiles for the next time.
 *
 * @returns what it printed
 * @throws Error if it fails, with `stdout`, or cannot be had
 */
export async function go(packages: GoPackages, {args, cwd, env, path}: GoCommand): Promise<string> {
  const libraries = join(await goSources(packages), '..');
  const root = join(libraries, '../../lib', `go-${packages.version}`);
  const {stdout} = await run(join(root, 'bin/go'), args, {
    cwd,
    maxBuffer: Infinity,
    env: {
      GOROOT: root,
      GOPATH: [...(path === undefined ? [] : [path]), libraries].join(delimiter),
      GOCACHE: join(cache, 'go-build'),
      GO111MODULE: 'off',
      CGO_ENABLED: '0',
      PATH: process.env['PATH'],
      HOME: cwd,
      ...env,
    },
  });
  return stdout;
}

/** etcd's own client, and what that needs. */
const etcdClient: GoPackages = {
  name: 'go-etcd-client',
  version: '1.24',
  release: 'trixie',
  names: [
    ...['golang-1.24-go', 'golang-1.24-src', 'golang-etcd-server-dev', 'golang-google-grpc-dev'],
    ...['golang-google-genproto-dev', 'golang-google-protobuf-dev', 'golang-github-golang-protobuf-1-5-dev'],
    ...['golang-github-gogo-protobuf-dev', 'golang-go.uber-zap-dev', 'golang-go.uber-multierr-dev'],
    ...['golang-go.uber-atomic-dev', 'golang-github-coreos-go-semver-dev'],
    ...['golang-github-coreos-go-systemd-dev', 'golang-golang-x-net-dev', 'golang-golang-x-sys-dev'],
    'golang-golang-x-text-dev',
  ],
};

/**
 * Compiles and runs a program of Go that uses etcd's `client/v3`, as Debian has it. The first time takes a minute or two.
 *
 * @returns what it printed
 * @throws Error if it does not compile, fails, or cannot be had
 */
export async function runGo(program: string, ...args: string[]): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kvi-go-'));
  try {
    // Debian's sources are for GOPATH. There, `go` looks for `api/v3/...` in `api/...` for the sake of programs with a `go.mod`.
    const cwd = join(path, 'src/program');
    await mkdir(cwd, {recursive: true});
    await writeFile(join(cwd, 'go.mod'), 'module program\n');
    await writeFile(join(cwd, 'main.go'), program);
    return await go(etcdClient, {args: ['run', 'main.go', ...args], cwd, path});
  } finally {
    await rm(path, {recursive: true});
  }
}
