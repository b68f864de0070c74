import {randomUUID} from 'node:crypto';
import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {type Kvi, open} from 'kvi';
import {type Queue, queue, utf8} from 'kvi/recipes';
import {describeWithEtcd, type Etcd, startEtcd} from 'kvi-testbed';
import {type Script, spawnScript} from './support/spawn-script.ts';

describeWithEtcd('a queue whose consumers are processes, with a TTL of one second', () => {
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

  function newQueue(): Queue<string> {
    return queue(kv, `jobs/${randomUUID()}`, {codec: utf8});
  }

  async function consumerOf(jobs: Queue<string>): Promise<Script> {
    const script = spawnScript('consume', etcd.url, jobs.name);
    expect(await script.hear()).toBe('ready');
    return script;
  }

  /** A process that has taken a job, which nobody else can take. */
  async function holder(jobs: Queue<string>): Promise<{script: Script; token: number}> {
    const script = await consumerOf(jobs);
    await jobs.add('a');
    script.say('take');
    const taken = (await script.hear()) as {token: number};
    expect(taken).toMatchObject({value: 'a', attempt: 1});
    return {script, token: taken.token};
  }

  it('one that is killed loses its item, which comes back as the next attempt', async () => {
    const jobs = newQueue();
    const held = await holder(jobs);
    await using script = held.script;
    const next = jobs.take();
    script.signal('SIGKILL');
    const item = await next;
    expect(item).toMatchObject({value: 'a', attempt: 2});
    expect(item.token).toBeGreaterThan(held.token);
    await item.ack();
    expect(await kv.getRange({prefix: `${jobs.name}/`})).toEqual([]);
  });

  it('one that keeps its item for three TTLs while its event loop turns has it still', async () => {
    const jobs = newQueue();
    const {script} = await holder(jobs);
    await using _script = script;
    await expect(jobs.take({timeoutMs: 3_000})).rejects.toMatchObject({code: 'KVI_TIMEOUT'});
    script.say('ack');
    expect(await script.hear()).toBe('done');
  });

  it.each(['ack', 'nack late'])(
    'one whose event loop is blocked knows before any timer fires that its item is lost, and cannot %s what another has',
    async (ending) => {
      const jobs = newQueue();
      const {script} = await holder(jobs);
      await using _script = script;
      script.say('stall 4000');
      const item = await jobs.take();
      expect(item).toMatchObject({value: 'a', attempt: 2});
      expect(await script.hear()).toEqual({before: false, after: true});
      script.say(ending);
      expect(await script.hear()).toEqual({code: 'KVI_ITEM_LOST'});
      expect(item.signal.aborted).toBe(false);
      await item.ack();
      expect(await kv.getRange({prefix: `${jobs.name}/`})).toEqual([]);
    },
  );

  it('one that is stopped and continued cannot ack what another has done', async () => {
    const jobs = newQueue();
    const {script} = await holder(jobs);
    await using _script = script;
    script.signal('SIGSTOP');
    await (await jobs.take()).ack();
    script.signal('SIGCONT');
    script.say('ack');
    expect(await script.hear()).toEqual({code: 'KVI_ITEM_LOST'});
    expect(await kv.getRange({prefix: `${jobs.name}/`})).toEqual([]);
  });

  it('ones that are killed at any moment lose no job, and none is acked twice', async () => {
    const jobs = newQueue();
    const values = Array.from({length: 300}, (_, n) => String(n));
    await Promise.all(values.map((value) => jobs.add(value, {timeoutMs: 60_000})));
    const acked: string[] = [];

    /** Kills a consumer after some items, which it takes one after the other. */
    async function killAfter(count: number): Promise<void> {
      await using script = await consumerOf(jobs);
      script.say('work');
      for (let n = 0; n < count; n += 1) acked.push(((await script.hear()) as {acked: string}).acked);
      script.signal('SIGKILL');
    }

    await Promise.all([17, 23, 31].map(killAfter));
    const left: {value: string; attempt: number}[] = [];
    await using consumer = await open(etcd.url);
    const rest = queue(consumer, jobs.name, {codec: utf8});
    while ((await rest.depth()) > 0 || (await kv.range({prefix: `${jobs.name}/`})).count > 0) {
      const item = await rest.take();
      left.push({value: item.value, attempt: item.attempt});
      await item.ack();
    }
    const all = [...acked, ...left.map(({value}) => value)];
    expect(new Set(all).size).toBe(all.length);
    // A consumer may have been killed after an ack, before it could tell.
    expect(values.length - all.length).toBeLessThanOrEqual(3);
    expect(left.filter(({attempt}) => attempt > 1).length).toBeLessThanOrEqual(3);
  });
});
