import {randomUUID} from 'node:crypto';
import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {type Changes, type Kvi, open} from 'kvi';
import {describeWithEtcd, type Etcd, startEtcd, startProxy} from 'kvi-testbed';
import {type Script, spawnScript} from './support/spawn-script.ts';

describeWithEtcd('locks and temporary keys of a process that pauses, with a TTL of one second', () => {
  let etcd: Etcd;
  let kv: Kvi;
  beforeAll(async () => {
    etcd = await startEtcd();
    kv = await open(etcd.url);
  });
  afterAll(async () => {
    await kv.close();
    await etcd.stop();
  });

  /** The kinds of the next changes of the one key that is watched. */
  async function nextChanges(changes: Changes, count: number): Promise<string[]> {
    const types: string[] = [];
    while (types.length < count) {
      const {value, done} = await changes.next();
      if (done === true) break;
      types.push(...value.events.map(({type}) => type));
    }
    return types;
  }

  async function holder() {
    const [name, key] = [`lock/${randomUUID()}`, `temp/${randomUUID()}`];
    const script = spawnScript('hold', etcd.url, name, key);
    const {token} = (await script.hear()) as {token: number};
    const changes = kv.changes(key);
    await changes.created;
    return {name, key, script, token, changes};
  }

  /** Waits for the lock that the process holds, and asserts what it believes once it goes on. */
  async function takeFrom(
    {name, script, token, changes}: Awaited<ReturnType<typeof holder>>,
    goOn: (script: Script) => Promise<void>,
  ): Promise<void> {
    await using taken = await kv.distLock(name);
    const takenAt = Date.now();
    expect(taken.token).toBeGreaterThan(token);
    expect(await nextChanges(changes, 1)).toEqual(['delete']);
    await goOn(script);
    expect(await nextChanges(changes, 1)).toEqual(['put']);
    script.say('report');
    const report = (await script.hear()) as {lastHeld: number; abortedAt: number; isHeld: boolean};
    expect(report.isHeld).toBe(false);
    expect(report.lastHeld).toBeGreaterThan(0);
    expect(report.lastHeld).toBeLessThan(takenAt);
    expect(report.abortedAt).toBeGreaterThan(0);
  }

  it('an event loop that stalls for three TTLs: the lock is known to be lost before any timer fires, and the key comes back', async () => {
    const held = await holder();
    await using script = held.script;
    script.say('stall 3000');
    await takeFrom(held, async () => {
      expect(await script.hear()).toEqual({before: true, after: false});
    });
    expect(await kv.get(held.key)).toBe('here');
  });

  it('a machine that sleeps for three TTLs: the lock is known to be lost as soon as it wakes, though the monotonic clock stood still', async () => {
    const held = await holder();
    await using script = held.script;
    script.say('sleep 3000');
    await takeFrom(held, async () => {
      expect(await script.hear()).toEqual({before: true, after: false});
    });
    expect(await kv.get(held.key)).toBe('here');
  });

  it('a process that is stopped and continued: it never believes in the lock after another has it, and the key comes back', async () => {
    const held = await holder();
    await using script = held.script;
    script.signal('SIGSTOP');
    await takeFrom(held, () => {
      script.signal('SIGCONT');
      return Promise.resolve();
    });
    expect(await kv.get(held.key)).toBe('here');
  });

  it('a network that is gone: the signal comes before another has the lock, and the key comes back with the network', async () => {
    await using proxy = await startProxy(etcd.endpoint);
    const cutOff = await open(proxy.url);
    const name = `lock/${randomUUID()}`;
    const key = `temp/${randomUUID()}`;
    const lock = await cutOff.distLock(name, {ttlSeconds: 1});
    await cutOff.tempKey(key, {ttlSeconds: 1, value: 'here'});
    await using changes = kv.changes(key);
    await changes.created;
    proxy.freeze();
    await using taken = await kv.distLock(name);
    expect([lock.isHeld(), lock.signal.aborted]).toEqual([false, true]);
    expect(lock.signal.reason).toMatchObject({code: 'KVI_LOCK_LOST'});
    expect(taken.token).toBeGreaterThan(lock.token);
    expect(await nextChanges(changes, 1)).toEqual(['delete']);
    proxy.cut();
    proxy.thaw();
    expect(await nextChanges(changes, 1)).toEqual(['put']);
    await cutOff.close();
  });
});
