import {expect, it} from '@jest/globals';
import {createKvi} from 'kvi-core';
import {keyHistory} from 'kvi-core/recipes';
import {describeWithEtcd, startEtcd} from 'kvi-testbed';
import {openEtcdDriver} from '../src/index.ts';
import {bytes, put} from './support/util.ts';

/** An etcd that answers requests for progress ahead of its events, so that an answer counts after half a minute only. */
const release = 'bookworm';
/** Less than that, and much more than it takes. */
const timeoutMs = 25_000;

describeWithEtcd(
  'on an etcd that answers ahead of its events, a watch of the past that is asked for progress',
  () => {
    it.each([1, 999, 1_001, 2_500])(
      'tells it behind the last of %d events, though others are newer',
      async (count) => {
        await using etcd = await startEtcd({release});
        const driver = await openEtcdDriver(etcd.url);
        for (let sent = 0; sent < count; sent += 100) {
          await Promise.all(Array.from({length: Math.min(100, count - sent)}, () => driver.txn(put('key'))));
        }
        const {revision} = await driver.txn(put('other'));
        const watch = driver.watch({key: bytes('key'), startRevision: 1});
        watch.requestProgress();
        let events = 0;
        for await (const response of watch) {
          events += response.events.length;
          if (response.events.length === 0 && response.revision >= revision) break;
        }
        expect(events).toBe(count);
        await driver.close();
      },
      timeoutMs,
    );

    it(
      'ends the history of a key that was deleted',
      async () => {
        await using etcd = await startEtcd({release});
        await using kv = createKvi(await openEtcdDriver(etcd.url));
        await kv.store('key', '1');
        await kv.delete('key');
        await kv.store('other', '1');
        const changes: string[] = [];
        for await (const {type} of keyHistory(kv, 'key')) changes.push(type);
        expect(changes).toEqual(['put', 'delete']);
      },
      timeoutMs,
    );
  },
);
