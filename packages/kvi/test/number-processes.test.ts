import {randomUUID} from 'node:crypto';
import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {type Kvi, open} from 'kvi';
import {counter, semaphore, sequence} from 'kvi/recipes';
import {describeWithEtcd, type Etcd, startEtcd} from 'kvi-testbed';
import {type Script, spawnScript} from './support/spawn-script.ts';

describeWithEtcd('what processes share', () => {
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

  async function sharer(name: string): Promise<Script> {
    const script = spawnScript('share', etcd.url, name);
    expect(await script.hear()).toBe('ready');
    return script;
  }

  it('the permit of a process that is killed is free within its TTL, and nobody else loses one', async () => {
    const name = randomUUID();
    await using killed = await sharer(name);
    await using other = await sharer(name);
    for (const script of [killed, other]) {
      script.say('acquire');
      expect(await script.hear()).toMatchObject({token: expect.any(Number)});
    }
    const permits = semaphore(kv, `${name}/semaphore`, 2);
    expect(await permits.tryAcquire()).toBeUndefined();
    killed.signal('SIGKILL');
    const next = await permits.acquire();
    expect(await permits.tryAcquire()).toBeUndefined();
    other.say('release');
    expect(await other.hear()).toBe('done');
    await next.release();
  });

  it('a process whose event loop is blocked knows before any timer fires that its permit is lost', async () => {
    const name = randomUUID();
    await using blocked = await sharer(name);
    blocked.say('acquire');
    await blocked.hear();
    const permits = semaphore(kv, `${name}/semaphore`, 2);
    await using _first = await permits.acquire();
    blocked.say('stall 4000');
    await using _second = await permits.acquire();
    expect(await blocked.hear()).toEqual({before: true, after: false});
    blocked.say('release');
    expect(await blocked.hear()).toEqual({code: 'KVI_PERMIT_LOST'});
  });

  it('numbers are taken once, without a gap, and all is counted, by processes of which one is killed', async () => {
    const name = randomUUID();
    await using killed = await sharer(name);
    await using first = await sharer(name);
    await using second = await sharer(name);
    const each = 40;
    const numbers: number[] = [];

    async function hear(script: Script, count: number): Promise<void> {
      for (let n = 0; n < count; n += 1) {
        numbers.push(((await script.hear()) as {number: number}).number);
      }
    }

    for (const script of [killed, first, second]) script.say(`count ${each}`);
    await Promise.all([
      hear(killed, each / 4).then(() => killed.signal('SIGKILL')),
      hear(first, each),
      hear(second, each),
    ]);
    const last = await sequence(kv, `${name}/sequence`).next();
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(Math.max(...numbers)).toBeLessThan(last);
    // Those that the killed one took, and could not tell.
    expect(last - 1 - numbers.length).toBeLessThan(each);
    const told = numbers.reduce((sum, number) => sum + number, 0);
    expect(await counter(kv, `${name}/counter`).get()).toBeGreaterThanOrEqual(told);
  });
});
