import {expect, it} from '@jest/globals';
import {openEtcdDriver} from 'kvi-etcd';
import {serve} from 'kvi-server';
import {describeWithEtcd, startEtcd, startProxy} from 'kvi-testbed';
import {connectClient} from '../support/client.ts';
import {describeBesideEtcd, describeServer} from '../support/reference.ts';
import {untilEvents} from '../support/watching.ts';
import {
  everything,
  expectWhole,
  laterRobustnessCases,
  opened,
  progressIntervalMs,
  robustnessCases,
  writeMany,
} from './cases.ts';

describeBesideEtcd('robustness', robustnessCases);
// An etcd that passes these, too, is asked in `test/long`.
describeServer('robustness, later', laterRobustnessCases, {
  server: {limits: {progressNotifyIntervalMs: progressIntervalMs}},
});

describeWithEtcd('robustness, by kvi-server on an etcd', () => {
  it('#15271: a watch never goes back when the server loses its etcd and finds it again', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd.endpoint);
    const driver = await openEtcdDriver(proxy.url);
    const server = await serve(driver, {listen: '127.0.0.1:0'});
    {
      await using client = connectClient(server.url);
      await using direct = connectClient(etcd.url);
      const watches = [{...everything, startRevision: 2}, everything];
      const stream = await opened({client, url: server.url}, ...watches);
      const messages = [];
      const rounds = 5;
      for (let round = 0; round < rounds; round += 1) {
        const writing = writeMany({client: direct, url: etcd.url}, 200);
        proxy.cut();
        await writing;
        messages.push(...(await untilEvents(stream, watches.length * 200)));
      }
      for (const watchId of watches.keys()) expectWhole(messages, watchId, 2, 1 + rounds * 200);
      expect(stream.waiting.flatMap(({events}) => events)).toEqual([]);
    }
    await server.close();
    await driver.close();
  });
});
