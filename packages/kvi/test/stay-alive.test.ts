import {describe, expect, it} from '@jest/globals';
import {describeWithEtcd, startEtcd} from 'kvi-testbed';
import {spawnScript} from './support/spawn-script.ts';

const expected: [string, string][] = [
  ['nothing', 'over'],
  ['nothing any more', 'over'],
  ['changes', 'alive'],
  ['watch', 'alive'],
  ['watchWithCB', 'alive'],
  ['lock', 'alive'],
  ['waiting', 'alive'],
  ['tempKey', 'alive'],
];

/** What becomes of a process that has no more to do, while a handle has this open. */
async function fate(url: string, what: string): Promise<unknown> {
  await using script = spawnScript('stay-alive', url, what);
  return await script.hear();
}

describe('a process on mem:', () => {
  it.each(expected)('with %s open is %s', async (what, kept) => {
    expect(await fate('mem:', what)).toBe(kept);
  });
});

describeWithEtcd('a process on etcd', () => {
  it('ends and stays alive as one on mem: does', async () => {
    await using etcd = await startEtcd();
    for (const [what, kept] of expected) expect([what, await fate(etcd.url, what)]).toEqual([what, kept]);
  });
});
