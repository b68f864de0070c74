import {expect, it} from '@jest/globals';
import {describeWithEtcd, startEtcd, startProxy} from 'kvi-testbed';
import {openEtcdDriver} from '../src/index.ts';
import {bytes, failure, put, read, recordDiagnostics, until, untilAvailable} from './support/util.ts';

describeWithEtcd('endpoints of two clusters', () => {
  it('are refused when a store is opened, and nothing was written', async () => {
    await using one = await startEtcd();
    await using other = await startEtcd();
    const endpoints = [one.endpoint, other.endpoint];
    expect(await failure(openEtcdDriver({endpoints}))).toMatchObject({
      code: 'KVI_INVALID_ARGUMENT',
      message: expect.stringContaining('belongs to another cluster'),
    });
    await (await openEtcdDriver({endpoints: [one.endpoint, '127.0.0.1:9']})).close();
  });

  it('are told apart when one of them comes later', async () => {
    await using one = await startEtcd();
    await using late = await startEtcd();
    late.signal('SIGKILL');
    const driver = await openEtcdDriver({endpoints: [one.endpoint, late.endpoint]});
    await driver.txn(put('k'));
    using strangers = recordDiagnostics('kvi:etcd:other-cluster');
    await late.restart();
    await driver.txn(put('k'));
    await until(() => strangers.messages.length > 0);
    expect(strangers.messages).toMatchObject([{member: late.url}]);
    one.signal('SIGKILL');
    const write = driver.txn(put('k', 'other'), {timeoutMs: 1_000});
    expect(await failure(write)).toMatchObject({
      code: expect.stringMatching(/^KVI_(TIMEOUT|UNAVAILABLE|UNKNOWN_OUTCOME)$/),
    });
    const direct = await openEtcdDriver(late.url);
    expect(await read(direct, 'k')).toBeUndefined();
    await Promise.all([driver.close(), direct.close()]);
  });
});

describeWithEtcd('a cluster that comes back with another id', () => {
  it('is the cluster of the handle again when most of its members say so', async () => {
    await using etcd = await startEtcd();
    const proxies = await Promise.all([1, 2, 3].map(() => startProxy(etcd.endpoint)));
    const driver = await openEtcdDriver({endpoints: proxies.map(({endpoint}) => endpoint)});
    const watch = driver.watch({key: bytes('k')});
    await watch.created;
    const snapshot = await etcd.snapshot();
    await etcd.restartFrom(snapshot, '--initial-cluster-token', 'another');
    await untilAvailable(() => driver.txn(put('k')));
    expect(await failure(watch.next())).toMatchObject({code: 'KVI_COMPACTED'});
    await driver.close();
    await Promise.all(proxies.map((proxy) => proxy.close()));
  });
});
