import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {delimiter, join} from 'node:path';
import {promisify} from 'node:util';
import {downloadPackages} from './debian-archive.ts';

const run = promisify(execFile);
const cache = join(import.meta.dirname, '../../../node_modules/.cache/kvi-testbed');

/** Go, etcd's own client, and what that needs. */
const packages = {
  release: 'trixie',
  part: 'usr',
  names: [
    ...['golang-1.24-go', 'golang-1.24-src', 'golang-etcd-server-dev', 'golang-google-grpc-dev'],
    ...['golang-google-genproto-dev', 'golang-google-protobuf-dev', 'golang-github-golang-protobuf-1-5-dev'],
    ...['golang-github-gogo-protobuf-dev', 'golang-go.uber-zap-dev', 'golang-go.uber-multierr-dev'],
    ...[
      'golang-go.uber-atomic-dev',
      'golang-github-coreos-go-semver-dev',
      'golang-github-coreos-go-systemd-dev',
    ],
    ...['golang-golang-x-net-dev', 'golang-golang-x-sys-dev', 'golang-golang-x-text-dev'],
  ],
};

/**
 * Compiles and runs a program of Go that uses etcd's `client/v3`, as Debian has it. The first time takes a minute or two.
 *
 * @returns what it printed
 * @throws Error if it does not compile, fails, or cannot be had
 */
export async function runGo(program: string, ...args: string[]): Promise<string> {
  const home = join(cache, 'go-etcd-client');
  if (!existsSync(home)) await downloadPackages(packages, home);
  const folder = await mkdtemp(join(tmpdir(), 'kvi-go-'));
  try {
    // Debian's sources are for GOPATH. There, `go` looks for `api/v3/...` in `api/...` for the sake of programs with a `go.mod`.
    const source = join(folder, 'src/program');
    await mkdir(source, {recursive: true});
    await writeFile(join(source, 'go.mod'), 'module program\n');
    await writeFile(join(source, 'main.go'), program);
    const {stdout} = await run(join(home, 'lib/go-1.24/bin/go'), ['run', 'main.go', ...args], {
      cwd: source,
      env: {
        GOROOT: join(home, 'lib/go-1.24'),
        GOPATH: [folder, join(home, 'share/gocode')].join(delimiter),
        GOCACHE: join(cache, 'go-build'),
        GO111MODULE: 'off',
        CGO_ENABLED: '0',
        HOME: folder,
      },
    });
    return stdout;
  } finally {
    await rm(folder, {recursive: true});
  }
}
