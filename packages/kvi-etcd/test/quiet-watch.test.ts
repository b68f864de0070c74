import {expect, it} from '@jest/globals';
import {setTimeout} from 'node:timers/promises';
import {describeWithEtcd, type Etcd, startEtcd, startProxy} from 'kvi-testbed';
import {openEtcdDriver} from '../src/index.ts';
import {bytes, metric, put, recordDiagnostics, take, until} from './support/util.ts';

describeWithEtcd('a watch of keys that nobody writes', () => {
  it.each(['alone', 'beside a busy one'])('%s outlives a compaction and a cut', async (company) => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd.endpoint);
    using resumed = recordDiagnostics('kvi:etcd:watch-resume');
    const driver = await openEtcdDriver(proxy.url);
    const direct = await openEtcdDriver(etcd.url);
    const watch = driver.watch({key: bytes('quiet')});
    await watch.created;
    const busy = company === 'alone' ? undefined : driver.watch({key: bytes('busy')});
    await busy?.created;
    for (let index = 0; index < 300; index += 1) await direct.txn(put('busy'));
    const {revision} = await direct.range({key: bytes('busy'), countOnly: true});
    if (busy !== undefined) await take(busy, 300);
    // An etcd that is not exact takes two.
    const messages = await watchMessages(etcd);
    while ((await watchMessages(etcd)) < messages + 3) await setTimeout(20);
    await direct.compact({revision});
    proxy.cut();
    await until(() => resumed.messages.length > 0);
    await direct.txn(put('quiet', 'at last'));
    expect(await take(watch, 1)).toMatchObject([{kv: {modRevision: revision + 1}}]);
    await Promise.all([driver.close(), direct.close()]);
  });
});

/** How many messages an etcd has received on streams of watches, requests for progress among them. */
async function watchMessages(etcd: Etcd): Promise<number> {
  return metric(etcd, 'grpc_server_msg_received_total{[^}]*grpc_method="Watch"[^}]*}');
}
