import {randomUUID} from 'node:crypto';
import {expect, it} from '@jest/globals';
import {type Kvi, open} from 'kvi';
import {election} from 'kvi/recipes';
import {describeWithEtcd, sharedEtcdUrl, spawnEtcdctl} from 'kvi-testbed';

/** Resolves once so many are candidates. */
async function candidates(kv: Kvi, name: string, count: number): Promise<void> {
  await using changes = kv.changes({prefix: `${name}/`});
  await changes.created;
  while ((await kv.getRange({prefix: `${name}/`})).length !== count) await changes.next();
}

describeWithEtcd('elections and etcdctl elect, which is the Election of the Go client', () => {
  it('wait for a leader of etcdctl, who is told, and win when it resigns', async () => {
    await using kv = await open(sharedEtcdUrl());
    const race = election(kv, `kvi-etcdctl/${randomUUID()}`);
    await using etcdctl = await spawnEtcdctl(sharedEtcdUrl(), 'elect', race.name, 'theirs');
    const theirKey = await etcdctl.nextLine();
    expect(await etcdctl.nextLine()).toBe('theirs');
    expect(await race.leader()).toMatchObject({key: theirKey, value: 'theirs'});
    await expect(race.campaign('ours', {timeoutMs: 300})).rejects.toMatchObject({code: 'KVI_TIMEOUT'});

    const winning = race.campaign('ours');
    await candidates(kv, race.name, 2);
    etcdctl.signal('SIGINT');
    await using leadership = await winning;
    expect(await race.leader()).toMatchObject({key: leadership.key, value: 'ours'});
  });

  it('keep candidates of etcdctl waiting, and tell those that listen', async () => {
    await using kv = await open(sharedEtcdUrl());
    const race = election(kv, `kvi-etcdctl/${randomUUID()}`);
    const leadership = await race.campaign('ours');
    await using listening = await spawnEtcdctl(sharedEtcdUrl(), 'elect', '--listen', race.name);
    expect([await listening.nextLine(), await listening.nextLine()]).toEqual([leadership.key, 'ours']);
    await leadership.proclaim('ours still');
    expect([await listening.nextLine(), await listening.nextLine()]).toEqual([leadership.key, 'ours still']);

    await using candidate = await spawnEtcdctl(sharedEtcdUrl(), 'elect', race.name, 'theirs');
    let isTheirs = false;
    const theirKey = candidate.nextLine().finally(() => (isTheirs = true));
    await candidates(kv, race.name, 2);
    expect(isTheirs).toBe(false);
    await leadership.resign();
    expect(await listening.nextLine()).toBe(await theirKey);
    expect(await race.leader()).toMatchObject({key: await theirKey, value: 'theirs'});
  });
});
