import {afterAll, beforeAll, expect, it} from '@jest/globals';
import type {DistLock, Kvi} from 'kvi-core';
import {describeWithEtcd, type Etcd, etcdctl, startEtcd} from 'kvi-testbed';
import {openEtcd, openEtcdDriver} from '../src/index.ts';
import {failure} from './support/util.ts';

const big = 'x'.repeat(100_000);

describeWithEtcd('an etcd whose space is used up', () => {
  let etcd: Etcd;
  let kv: Kvi;
  let resolving: Kvi;
  let lock: DistLock;

  beforeAll(async () => {
    etcd = await startEtcd({args: ['--quota-backend-bytes', '2000000']});
    kv = await openEtcd(etcd.url);
    resolving = await openEtcd(etcd.url, {onUnknownOutcome: 'resolve'});
    lock = await kv.distLock('lock');
    await resolving.store('k', 'old');
    for (;;) {
      const error = await kv.store('fill', big).catch((reason: unknown) => reason);
      if (error !== undefined) break;
    }
  });

  afterAll(async () => {
    await Promise.all([kv.close(), resolving.close()]);
    await etcd.stop();
  });

  it('leaves open whether a write was applied, since it may refuse one that it has applied', async () => {
    expect(await failure(kv.store('k', big))).toMatchObject({
      code: 'KVI_UNKNOWN_OUTCOME',
      cause: {code: 'KVI_RESOURCE_EXHAUSTED'},
    });
    expect(await failure(kv.tas('k', null, 'v'))).toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
  });

  it.each<[string, () => Promise<unknown>]>([
    ['store', () => resolving.store('k', 'new')],
    ['tas', () => resolving.tas('k', 'old', 'new')],
    [
      'transaction, which writes in both branches',
      () => resolving.transaction('k', '=', 'old', 'k', 'new', 'k', 'else'),
    ],
  ])('takes no %s whose outcome is found out, which says that nothing was applied', async (_, write) => {
    expect(await failure(write())).toMatchObject({code: 'KVI_RESOURCE_EXHAUSTED'});
    expect(await kv.get('k')).toBe('old');
  });

  it('says so in its status', async () => {
    const driver = await openEtcdDriver(etcd.url);
    const {alarms, memberId, dbSize} = await driver.status();
    await driver.close();
    expect(alarms).toEqual([{memberId, type: 'noSpace'}]);
    expect(dbSize).toBeGreaterThan(1_000_000);
  });

  it('takes no fenced write', async () => {
    const put = {type: 'put', key: 'k', value: 'new'} as const;
    const exists = {key: 'k', target: 'version', result: '>', version: 0} as const;
    for (const request of [{success: [put]}, {compare: [exists], success: [put], failure: [put]}]) {
      expect(await failure(lock.guard(request))).toMatchObject({cause: {code: 'KVI_RESOURCE_EXHAUSTED'}});
    }
    expect(await kv.get('k')).toBe('old');
  });

  it('tells so whom it concerns, among calls that are sent together', async () => {
    await using other = await openEtcd(etcd.url);
    const calls = [
      kv.get('busy'),
      kv.delete('busy'),
      failure(kv.store('busy', 'v')),
      failure(kv.store('a', 'v')),
      failure(kv.tas('b', null, 'v')),
      kv.get('k'),
      kv.getRange('k', 'k\0'),
      kv.delete('c'),
      kv.delete('d'),
    ];
    const refused = {code: 'KVI_UNKNOWN_OUTCOME', cause: {code: 'KVI_RESOURCE_EXHAUSTED'}};
    const old = [{value: 'old'}];
    const [first, ...others] = await Promise.all(calls);
    expect(first).toBeUndefined();
    expect(others).toMatchObject([false, refused, refused, refused, 'old', old, false, false]);
    expect(await other.getRange('a', 'c')).toEqual([]);
  });

  it('gives no new lock, and says why at once', async () => {
    expect(await failure(kv.distLock('another', {ttlSeconds: 60}))).toMatchObject({
      code: expect.stringMatching(/^KVI_(RESOURCE_EXHAUSTED|UNKNOWN_OUTCOME)$/),
    });
    expect(await kv.getRange({prefix: 'another/'})).toEqual([]);
  });
});

describeWithEtcd('a user without rights', () => {
  it('writes and reads nothing through a fence or an outcome key, whatever etcd checks of nested transactions', async () => {
    await using etcd = await startEtcd();
    const setUp = [
      ['user', 'add', 'root:rootpw'],
      ['user', 'grant-role', 'root', 'root'],
      ['user', 'add', 'alice:pw'],
      ['role', 'add', 'app'],
      ['role', 'grant-permission', 'app', '--prefix=true', 'readwrite', 'app/'],
      ['role', 'grant-permission', 'app', '--prefix=true', 'readwrite', 'kvi/outcome/'],
      ['user', 'grant-role', 'alice', 'app'],
      ['auth', 'enable'],
    ];
    for (const args of setUp) expect(await etcdctl(etcd.url, ...args)).toMatchObject({code: 0});
    await using root = await openEtcd(etcd.url, {username: 'root', password: 'rootpw'});
    await root.store('secret', 'hidden');
    await using alice = await openEtcd(etcd.url, {
      username: 'alice',
      password: 'pw',
      onUnknownOutcome: 'resolve',
    });
    const lock = await alice.distLock('app/lock');
    const put = {type: 'put', key: 'secret', value: 'x'} as const;
    const read = {type: 'range', key: 'secret'} as const;
    const remove = {type: 'deleteRange', key: 'secret'} as const;
    const mine = {type: 'put', key: 'app/k', value: 'x'} as const;
    const compare = {key: 'secret', target: 'value', result: '=', value: 'hidden'} as const;
    const attempts: (() => Promise<unknown>)[] = [
      () => alice.store('secret', 'x'),
      () => alice.tas('secret', 'hidden', 'x'),
      () => alice.transaction('secret', '=', 'hidden', 'app/k', 'x', 'app/k', 'y'),
      () => alice.transaction('app/k', '=', 'hidden', 'app/k', 'x', 'secret', 'y'),
      () => alice.delete('secret'),
      ...[put, read, remove].flatMap((op) => [
        () => lock.guard({success: [op]}),
        () => lock.guard({success: [op], failure: [mine]}),
        () => lock.guard({compare: [], success: [mine], failure: [op]}),
      ]),
      () => lock.guard({compare: [compare], success: [mine], failure: [mine]}),
    ];
    for (const attempt of attempts) {
      expect(await failure(attempt())).toMatchObject({code: 'KVI_PERMISSION_DENIED'});
    }
    expect(await root.get('secret')).toBe('hidden');
    await alice.transaction('app/k', '=', 'v', 'app/k', 'x', 'app/l', 'y');
    expect(await alice.get('app/l')).toBe('y');
  });
});
