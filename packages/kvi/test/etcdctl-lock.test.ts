import {randomUUID} from 'node:crypto';
import {expect, it} from '@jest/globals';
import {type Kvi, open} from 'kvi';
import {describeWithEtcd, sharedEtcdUrl, spawnEtcdctl} from 'kvi-testbed';

/** Resolves once so many contend for the lock. */
async function contenders(kv: Kvi, name: string, count: number): Promise<void> {
  await using changes = kv.changes({prefix: `${name}/`});
  await changes.created;
  while ((await kv.getRange({prefix: `${name}/`})).length !== count) await changes.next();
}

describeWithEtcd('locks and etcdctl lock, which is the Mutex of the Go client', () => {
  it('while etcdctl holds, distTimedLock waits and times out, and distLock gets it when etcdctl lets go', async () => {
    await using kv = await open(sharedEtcdUrl());
    const name = `kvi-etcdctl/${randomUUID()}`;
    await using etcdctl = await spawnEtcdctl(sharedEtcdUrl(), 'lock', name);
    const theirKey = await etcdctl.nextLine();

    await expect(kv.distTimedLock(0, name)).rejects.toMatchObject({code: 'KVI_TIMEOUT'});
    await expect(kv.distTimedLock(0.3, name)).rejects.toMatchObject({code: 'KVI_TIMEOUT'});
    expect((await kv.getRange({prefix: `${name}/`})).map(({key}) => key)).toEqual([theirKey]);

    const locking = kv.distLock(name);
    await contenders(kv, name, 2);
    etcdctl.signal('SIGINT');
    await using lock = await locking;
    expect(lock.key).toMatch(new RegExp(`^${name}/[0-9a-f]+$`));
  });

  it('while kvi holds, etcdctl waits, and gets it when kvi lets go', async () => {
    await using kv = await open(sharedEtcdUrl());
    const name = `kvi-etcdctl/${randomUUID()}`;
    const lock = await kv.distLock(name);
    await using etcdctl = await spawnEtcdctl(sharedEtcdUrl(), 'lock', name);
    let isTheirs = false;
    const theirKey = etcdctl.nextLine().finally(() => (isTheirs = true));
    await contenders(kv, name, 2);
    expect(isTheirs).toBe(false);
    await lock.release();
    expect(await theirKey).toContain(`${name}/`);
  });

  it('the default name can be that of hms-hmetcd, hbtd_dist_lock, and meets it', async () => {
    await using kv = await open(sharedEtcdUrl(), {lockName: 'hbtd_dist_lock'});
    await using etcdctl = await spawnEtcdctl(sharedEtcdUrl(), 'lock', 'hbtd_dist_lock');
    await etcdctl.nextLine();
    await expect(kv.distTimedLock(0)).rejects.toMatchObject({code: 'KVI_TIMEOUT'});
    etcdctl.signal('SIGINT');
    await using lock = await kv.distLock();
    expect(lock.key).toMatch(/^hbtd_dist_lock\/[0-9a-f]+$/);
  });
});
