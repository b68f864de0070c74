import {randomUUID} from 'node:crypto';
import {describe, expect, it} from '@jest/globals';
import {open} from 'kvi';
import {describeWithEtcd, etcdctl, sharedEtcdUrl} from 'kvi-testbed';
import {runKvi} from './support/run-kvi.ts';
import {spawnKvi} from './support/spawn-kvi.ts';

describe('leases on mem:', () => {
  leaseTests(() => `mem:${randomUUID()}`);
});

describeWithEtcd('leases on etcd', () => {
  leaseTests(sharedEtcdUrl);

  it('are kept alive until the command is interrupted', async () => {
    const url = sharedEtcdUrl();
    const env = {KVI_URL: url};
    const {stdout} = await runKvi(['lease', 'grant', '5'], {env});
    const id = stdout.trim();
    await using kvi = spawnKvi(['lease', 'keep-alive', id], env);
    expect(await kvi.nextLine()).toBe('5');
    // Another one, which nobody keeps alive, has come to its end.
    await using kv = await open(url);
    const {id: other} = await kv.lease({ttlSeconds: 6, keepAlive: false});
    const key = `expires/${other}`;
    await using deletions = kv.changes(key, {filters: ['noput']});
    await kv.store(key, '', {lease: other});
    await deletions.next();
    expect((await etcdctl(url, 'lease', 'timetolive', id)).stdout).toContain('granted with TTL(5s)');
    kvi.child.kill('SIGTERM');
    expect(await kvi.exited).toBe(143);
  });

  it('that end while they are kept alive are an error', async () => {
    const env = {KVI_URL: sharedEtcdUrl()};
    const id = (await runKvi(['lease', 'grant', '5'], {env})).stdout.trim();
    await using kvi = spawnKvi(['lease', 'keep-alive', id], env);
    await kvi.nextLine();
    await runKvi(['lease', 'revoke', id], {env});
    expect(await kvi.exited).toBe(113);
    expect(await kvi.stderr).toContain('KVI_LEASE_NOT_FOUND');
  });
});

function leaseTests(urlOf: () => string) {
  function open() {
    const url = urlOf();
    const prefix = `kvi-cli/${randomUUID()}/`;
    const kvi = (...args: string[]) => runKvi(args, {env: {KVI_URL: url}});
    return {kvi, key: (name: string) => prefix + name};
  }

  it('outlive the command, hold keys, are listed and refreshed, and take their keys along', async () => {
    const {kvi, key} = open();
    const id = (await kvi('lease', 'grant', '60')).stdout.trim();
    expect(id).toMatch(/^[0-9a-f]+$/);
    for (const name of ['a', 'b']) await kvi('store', key(name), 'v', '--lease', id);
    expect((await kvi('lease', 'timetolive', id, '--keys')).stdout).toMatch(
      new RegExp(`^(59|60)\t60\n${key('a')}\n${key('b')}\n$`),
    );
    expect(JSON.parse((await kvi('lease', 'timetolive', id, '--keys', '--json')).stdout)).toEqual({
      id,
      ttlSeconds: expect.any(Number),
      grantedTtlSeconds: 60,
      keys: [key('a'), key('b')],
    });
    expect((await kvi('lease', 'list')).stdout.split('\n')).toContain(id);
    expect(await kvi('lease', 'keep-alive', '--once', id)).toMatchObject({exitCode: 0, stdout: '60\n'});
    expect(await kvi('lease', 'revoke', id)).toMatchObject({exitCode: 0, stdout: '', stderr: ''});
    expect(await kvi('get', key('a'))).toMatchObject({exitCode: 1});
  });

  it('that do not exist are no, and storing under one is an error', async () => {
    const {kvi, key} = open();
    for (const command of ['revoke', 'timetolive', 'keep-alive']) {
      expect(await kvi('lease', command, 'abc')).toMatchObject({exitCode: 1, stdout: '', stderr: ''});
    }
    expect(await kvi('store', key('a'), 'v', '--lease', 'abc')).toMatchObject({
      exitCode: 113,
      stderr: expect.stringContaining('KVI_LEASE_NOT_FOUND'),
    });
    expect(await kvi('lease', 'revoke', 'xyz')).toMatchObject({exitCode: 2});
  });

  it('may have an id that is chosen, once', async () => {
    const {kvi} = open();
    const id = randomUUID().replaceAll('-', '').slice(0, 15).replace(/^0+/, '1');
    expect((await kvi('lease', 'grant', '60', '--id', id)).stdout).toBe(`${id}\n`);
    expect(await kvi('lease', 'grant', '60', '--id', id)).toMatchObject({exitCode: 114});
    await kvi('lease', 'revoke', id);
  });

  it('are made by store --ttl', async () => {
    const {kvi, key} = open();
    const id = (await kvi('store', key('a'), 'v', '--ttl', '60')).stdout.trim();
    expect(JSON.parse((await kvi('get', key('a'), '--json')).stdout)).toMatchObject({lease: id});
    await kvi('lease', 'revoke', id);
    const stored = await kvi('store', key('a'), 'v', '--ttl', '60', '--json');
    expect(JSON.parse(stored.stdout)).toEqual({stored: true, lease: expect.any(String), ttlSeconds: 60});
    expect(await kvi('store', key('a'), 'v', '--ttl', '0')).toMatchObject({exitCode: 2});
    expect(await kvi('store', key('a'), 'v', '--ttl', '1', '--lease', id)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('give --ttl or --lease, not both'),
    });
  });
}

describe('compact', () => {
  it('forgets what was before a revision', async () => {
    const env = {KVI_URL: `mem:${randomUUID()}`};
    const kvi = (...args: string[]) => runKvi(args, {env});
    for (const value of ['1', '2', '3']) await kvi('store', 'a', value);
    expect(await kvi('compact', '3', '--json')).toMatchObject({
      exitCode: 0,
      stdout: '{"compactRevision":3}\n',
    });
    expect(await kvi('get', 'a', '--revision', '2')).toMatchObject({exitCode: 105});
    expect(await kvi('get', 'a', '--revision', '3')).toMatchObject({stdout: '2\n'});
    expect(await kvi('compact', '3')).toMatchObject({exitCode: 105});
    expect(await kvi('compact', '0')).toMatchObject({exitCode: 2});
  });
});
