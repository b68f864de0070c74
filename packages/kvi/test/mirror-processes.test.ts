import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {type Kvi, open} from 'kvi';
import type {MirrorStep} from 'kvi/recipes';
import {describeWithEtcd, type Etcd, startEtcd} from 'kvi-testbed';
import {spawnScript} from './support/spawn-script.ts';

const kills = 10;

describeWithEtcd('a mirror from one etcd to another', () => {
  let etcds: [Etcd, Etcd];
  let source: Kvi;
  let target: Kvi;
  beforeAll(async () => {
    etcds = await Promise.all([startEtcd(), startEtcd()]);
    [source, target] = await Promise.all([open(etcds[0].url), open(etcds[1].url)]);
  });
  afterAll(async () => {
    await Promise.all([source.close(), target.close()]);
    await Promise.all(etcds.map((etcd) => etcd.stop()));
  });

  /** Changes three keys in one revision, which always sum up to 0. */
  async function change(n: number): Promise<void> {
    const [a, b] = [n % 17, (n * 7) % 23];
    await source.txn({
      success: [
        {type: 'put', key: 'app/a', value: String(a)},
        {type: 'put', key: 'app/b', value: String(b)},
        {type: 'put', key: `app/sum${n % 2}`, value: String(-a - b)},
        {type: 'deleteRange', key: `app/sum${(n + 1) % 2}`},
      ],
    });
  }

  async function stateOf(kv: Kvi, prefix: string, revision: number): Promise<Record<string, string>> {
    const kvs = await kv.getRange({prefix}, {revision});
    return Object.fromEntries(kvs.map(({key, value}) => [key.slice(prefix.length), value]));
  }

  it('that is killed again and again while the source changes misses nothing, and shows only what was once true', async () => {
    let n = 0;
    const states = target.changes('mirror', {startRevision: 1});
    for (let kill = 0; kill < kills; kill += 1) {
      await using script = spawnScript('mirror', ...etcds.map(({url}) => url));
      const writing = (async () => {
        for (let end = n + 20; n < end; n += 1) await change(n);
      })();
      for (let step = 0; step <= kill; step += 1) await script.hear();
      script.signal('SIGKILL');
      await writing;
    }
    const {revision: last} = await source.range('app/a');
    await using script = spawnScript('mirror', ...etcds.map(({url}) => url));
    let step: MirrorStep;
    do step = (await script.hear()) as MirrorStep;
    while (step.revision < last);

    let checked = 0;
    for await (const {events, revision} of states) {
      const checkpoint = JSON.parse(events[0]?.value ?? '') as {revision: number; partial: boolean};
      if (!checkpoint.partial) {
        checked += 1;
        expect(await stateOf(target, 'copy/', revision)).toEqual(
          await stateOf(source, 'app/', checkpoint.revision),
        );
      }
      if (checkpoint.revision === last) break;
    }
    expect(checked).toBeGreaterThan(kills);
  });
});
