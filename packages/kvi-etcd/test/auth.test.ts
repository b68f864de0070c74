import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {type Driver, isKviError} from 'kvi-core/driver';
import {describeWithEtcd, etcdctl, startEtcd, type Etcd} from 'kvi-testbed';
import {generateKeyPairSync} from 'node:crypto';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {inspect} from 'node:util';
import {openEtcdDriver} from '../src/index.ts';
import {bytes, failure, put, take, untilLeaseExpired} from './support/util.ts';

describeWithEtcd('an etcd with authentication', () => {
  let etcd: Etcd;
  let driver: Driver;

  beforeAll(async () => {
    etcd = await startEtcd();
    await enableAuth(etcd);
    driver = await openEtcdDriver(etcd.url.replace('//', '//alice:p%40ss%3Aw%2Frd@'));
  });

  afterAll(async () => {
    await driver.close();
    await etcd.stop();
  });

  it('serves a user what it may have, and refuses the rest by naming the keys', async () => {
    await driver.txn(put('app/a'));
    expect(
      await driver.txn({compare: [{key: bytes('app/a'), target: 'version', result: '>', version: 0}]}),
    ).toMatchObject({succeeded: true});
    expect(await driver.leaseLeases()).toMatchObject({leases: []});
    expect(await failure(driver.txn(put('other')))).toMatchObject({
      code: 'KVI_PERMISSION_DENIED',
      message: expect.stringContaining('"other"'),
    });
    expect(await failure(driver.range({key: bytes('other')}))).toMatchObject({code: 'KVI_PERMISSION_DENIED'});
    expect(await failure(driver.watch({key: bytes('other')}).next())).toMatchObject({
      code: 'KVI_PERMISSION_DENIED',
    });
  });

  it('refuses calls that are sent together one by one, those with conditions too', async () => {
    const put = (key: string) => ({type: 'put' as const, key: bytes(key), value: bytes('v')});
    const request = (key: string, compare: string) => ({
      compare: [{key: bytes(compare), target: 'version' as const, result: '>' as const, version: 1_000}],
      success: [put(key)],
      failure: [{type: 'range' as const, key: bytes('app/a')}],
    });
    const shared = {mayShareRevision: true};
    const code = (call: Promise<unknown>) =>
      call.then(
        () => 'ok',
        (error: unknown) => (isKviError(error) ? error.code : error),
      );
    const calls = [
      driver.txn({success: [put('app/first')]}, shared),
      driver.range({key: bytes('app/first')}),
      driver.txn({success: [put('app/a')]}, shared),
      driver.txn(request('app/b', 'app/b'), shared),
      driver.txn({success: [put('other')]}, shared),
      driver.txn(request('other/b', 'app/c'), shared),
      driver.txn(request('app/d', 'other/d'), shared),
      driver.range({key: bytes('app/e')}),
      driver.range({key: bytes('other/e')}),
      driver.txn({success: [{type: 'range', key: bytes('app/f')}]}),
      driver.txn({...request('app/g', 'other/g'), success: []}),
    ];
    expect(await Promise.all(calls.map(code))).toEqual([
      'ok',
      'ok',
      'ok',
      'ok',
      'KVI_PERMISSION_DENIED',
      'KVI_PERMISSION_DENIED',
      'KVI_PERMISSION_DENIED',
      'ok',
      'KVI_PERMISSION_DENIED',
      'ok',
      'KVI_PERMISSION_DENIED',
    ]);
  });

  it('refuses a wrong password, and nobody sees it', async () => {
    const error = await failure(openEtcdDriver(etcd.url, {username: 'alice', password: 'secret'}));
    expect(error).toMatchObject({
      code: 'KVI_UNAUTHENTICATED',
    });
    expect(inspect(error, {depth: Infinity, showHidden: true})).not.toContain('secret');
  });

  it('refuses who comes without a name', async () => {
    expect(await failure(openEtcdDriver(etcd.url))).toMatchObject({code: 'KVI_UNAUTHENTICATED'});
  });

  it('is served on with a new token when the old one is no longer valid', async () => {
    const watch = driver.watch({key: bytes('app/w')});
    await watch.created;
    // That forgets all tokens.
    for (const verb of ['disable', 'enable']) await etcdctlAsRoot(etcd, 'auth', verb);
    const denied = driver.watch({key: bytes('other'), startRevision: 1});
    await driver.txn(put('app/w', '1'));
    const late = driver.watch({key: bytes('app/w'), startRevision: 1});
    await late.created;
    expect(await failure(denied.next())).toMatchObject({code: 'KVI_PERMISSION_DENIED'});
    expect(await take(watch, 1)).toHaveLength(1);
    expect((await take(late, 1)).length).toBeGreaterThan(0);
    await Promise.all([watch.return(), late.return()]);
  });
});

describeWithEtcd('an etcd whose tokens expire and hold the revision of its rules', () => {
  it('is served on: calls, keepalives, the watch that runs and those that are added', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kvi-jwt-'));
    const {publicKey, privateKey} = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: {type: 'spki', format: 'pem'},
      privateKeyEncoding: {type: 'pkcs1', format: 'pem'},
    });
    await writeFile(join(folder, 'public.pem'), publicKey);
    await writeFile(join(folder, 'private.pem'), privateKey);
    const keys = `pub-key=${join(folder, 'public.pem')},priv-key=${join(folder, 'private.pem')}`;
    // etcd cuts the end of a token's life to whole seconds, so a TTL of one second may be over at once.
    await using etcd = await startEtcd({args: ['--auth-token', `jwt,${keys},sign-method=RS256,ttl=2s`]});
    await enableAuth(etcd);
    const driver = await openEtcdDriver(etcd.url, {username: 'alice', password: 'p@ss:w/rd'});
    const watch = driver.watch({key: bytes('app/a')});
    await watch.created;
    const {id} = await driver.leaseGrant({ttlSeconds: 60});
    const changes = [
      // Longer than the life of a token.
      () => untilLeaseExpired(driver, 'app/time', 3),
      () => untilLeaseExpired(driver, 'app/time', 3),
      () => etcdctlAsRoot(etcd, 'role', 'add', 'another'),
      () => etcdctlAsRoot(etcd, 'role', 'add', 'a-third'),
    ];
    for (const change of changes) {
      await change();
      await driver.txn(put('app/a'));
      expect(await take(watch, 1)).toHaveLength(1);
      const added = driver.watch({key: bytes('app/a'), startRevision: 1});
      expect((await take(added, 1)).length).toBeGreaterThan(0);
      expect(await driver.leaseKeepAlive(id)).toMatchObject({ttlSeconds: 60});
      await added.return();
    }
    await driver.close();
    await rm(folder, {recursive: true});
  });
});

describeWithEtcd('an etcd without authentication', () => {
  it('also serves who has a name and a password', async () => {
    await using etcd = await startEtcd();
    const driver = await openEtcdDriver(etcd.url, {username: 'u', password: 'p'});
    await driver.txn(put('a'));
    await driver.close();
  });
});

async function enableAuth(etcd: Etcd): Promise<void> {
  const setUp = [
    ['user', 'add', 'root:rootpw'],
    ['user', 'grant-role', 'root', 'root'],
    ['user', 'add', 'alice:p@ss:w/rd'],
    ['role', 'add', 'app'],
    ['role', 'grant-permission', 'app', '--prefix=true', 'readwrite', 'app/'],
    ['user', 'grant-role', 'alice', 'app'],
    ['auth', 'enable'],
  ];
  for (const args of setUp) expect(await etcdctl(etcd.url, ...args)).toMatchObject({code: 0});
}

async function etcdctlAsRoot(etcd: Etcd, ...args: string[]): Promise<void> {
  expect(await etcdctl(etcd.url, '--user', 'root:rootpw', ...args)).toMatchObject({code: 0});
}
