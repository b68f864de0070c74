import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from '@jest/globals';
import {open} from 'kvi';
import {createAuthority, etcdctl, freePort} from 'kvi-testbed';
import {type KviProcess, spawnKvi} from './support/spawn-kvi.ts';

/** What it says when it is ready. */
async function ready(kvi: KviProcess): Promise<{url: string; pid: number}> {
  return JSON.parse(await kvi.nextLine()) as {url: string; pid: number};
}

describe('kvi serve', () => {
  it('serves a store to clients of etcd until SIGTERM, also while a watch is open', async () => {
    await using kvi = spawnKvi(['serve', 'mem:', '--port', '0']);
    const {url, pid} = await ready(kvi);
    expect(pid).toBe(kvi.child.pid);
    expect(await etcdctl(url, 'put', 'a', '1')).toMatchObject({code: 0, stdout: 'OK\n'});
    const kv = await open(url);
    expect(await kv.get('a')).toBe('1');
    const watch = kv.watch('a');
    kvi.child.kill('SIGTERM');
    expect(await kvi.exited).toBe(0);
    expect(await kvi.stderr).toBe('');
    await kv.close();
    await expect(watch).rejects.toMatchObject({code: 'KVI_CLOSED'});
  });

  it('serves another server, and says so in a file and on a file descriptor', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kvi-serve-'));
    await using first = spawnKvi(['serve', '--port', '0', '--ready-file', join(folder, 'ready')]);
    const told = await ready(first);
    await using second = spawnKvi(['serve', told.url, '--port', '0', '--ready-fd', '1']);
    const {url} = await ready(second);
    expect(JSON.parse(readFileSync(join(folder, 'ready'), 'utf8'))).toEqual(told);
    expect(JSON.parse(await second.nextLine())).toMatchObject({url});
    expect(await etcdctl(url, 'put', 'a', '1')).toMatchObject({code: 0});
    expect(await etcdctl(told.url, 'get', 'a')).toMatchObject({stdout: 'a\n1\n'});
    rmSync(folder, {recursive: true});
  });

  it('listens where etcd would', async () => {
    const address = `http://127.0.0.1:${await freePort()}`;
    await using kvi = spawnKvi(['serve', '--max-txn-ops', '1', '--etcd-version', '3.5.9'], {
      ETCD_LISTEN_CLIENT_URLS: address,
    });
    expect((await ready(kvi)).url).toBe(address);
    expect((await etcdctl(address, 'endpoint', 'status')).stdout).toContain('3.5.9');
  });

  it('takes only clients whose certificate it trusts, with TLS', async () => {
    await using authority = await createAuthority();
    const {certFile, keyFile} = await authority.issue('server', 'IP:127.0.0.1');
    const {root} = authority;
    const tls = ['--cert', certFile, '--key', keyFile, '--client-ca', root.certFile];
    await using kvi = spawnKvi(['serve', '--port', '0', ...tls]);
    const {url} = await ready(kvi);
    const ca = readFileSync(root.certFile);
    const [cert, key] = [readFileSync(certFile), readFileSync(keyFile)];
    const kv = await open(url, {etcd: {ca, cert, key}});
    await kv.store('a', '1');
    await kv.close();
    await expect(open(url, {timeoutMs: 5_000, etcd: {ca}})).rejects.toMatchObject({code: 'KVI_TLS'});
  });

  it('gives each tenant a store of its own', async () => {
    await using authority = await createAuthority();
    const names = ['server', 'one', 'two'];
    const [own, ...clients] = await Promise.all(names.map((name) => authority.issue(name, 'IP:127.0.0.1')));
    const {root} = authority;
    const tls = ['--cert', own?.certFile ?? '', '--key', own?.keyFile ?? '', '--client-ca', root.certFile];
    await using kvi = spawnKvi(['serve', '--port', '0', '--tenants', ...tls]);
    const {url} = await ready(kvi);
    const found: unknown[] = [];
    for (const {cert, key} of clients) {
      await using kv = await open(url, {etcd: {ca: root.cert, cert, key}});
      found.push(await kv.get('a'));
      await kv.store('a', '1');
    }
    expect(found).toEqual([undefined, undefined]);
  });

  it.each([
    [['serve', '--listen', 'nowhere'], 'listen must be HOST:PORT'],
    [['serve', '--port', '65536'], 'It must be a port'],
    [['serve', '--cert', '/nonexistent', '--key', '/nonexistent'], 'cannot read /nonexistent'],
    [['serve', '--client-ca', 'x'], 'TLS takes both --cert and --key'],
    [['serve', 'http://127.0.0.1:1', '--control'], '--control is for a store of its own, mem:'],
    [['serve', '--tenants'], '--tenants tells clients apart by their certificates: it takes --client-ca'],
    [['serve', '--etcd-version', 'x', '--port', '0'], 'version must be one of etcd'],
  ])('refuses %j', async (args, complaint) => {
    await using kvi = spawnKvi(args);
    expect(await kvi.exited).toBe(2);
    expect(await kvi.stderr).toContain(complaint);
  });
});
