import {expect, it} from '@jest/globals';
import {
  type AcceptedDifferenceName,
  acceptedDifferences,
  type NamedTarget,
  play,
  type Program,
} from 'kvi-contract/fuzz';
import type {Bytes, RequestOp} from 'kvi-core/driver';
import {describeWithEtcd, startEtcd} from 'kvi-testbed';
import {releases} from '../src/etcds.ts';
import {etcdTarget, memTarget} from '../src/targets.ts';

const key = Buffer.from('a');
const everything = {key: Buffer.of(0), rangeEnd: Buffer.of(0)};

/** For each difference, a program that shows it. */
const programs: Record<AcceptedDifferenceName, Program> = {
  deletionAtCompactRevision: [
    {do: 'txn', handle: 0, request: {success: [{type: 'deleteRange', key}]}},
    {do: 'txn', handle: 0, request: {success: [{type: 'put', key, value: key}]}},
    {do: 'compact', handle: 0, revision: 1},
    // etcd deletes what was compacted a little later, and until then delivers it: this takes two seconds.
    {do: 'expire', handle: 0, lease: 'fresh0', keys: []},
    {do: 'watch', handle: 0, slot: 0, request: {...everything, startRevision: 1}},
  ],
  orderOfTies: [
    {do: 'txn', handle: 0, request: {success: fortyPuts()}},
    {do: 'range', handle: 0, request: {...everything, sortTarget: 'value', limit: 20}},
  ],
};

/** Of many keys, each value several times. */
function fortyPuts(): RequestOp<Bytes>[] {
  return Array.from({length: 40}, (_, i) => ({type: 'put', key: Buffer.of(100, i), value: Buffer.of(i % 3)}));
}

/** What was answered, with nothing left out. */
async function answers(program: Program, target: NamedTarget, patienceMs: number): Promise<string[]> {
  const {steps} = await play(program, target, {accepted: [], patienceMs});
  return steps.map(({call, answer}) => `${call} -> ${answer}`);
}

const names = Object.keys(programs) as AcceptedDifferenceName[];

describeWithEtcd('An accepted difference', () => {
  it.each(names)('is there as listed, and only there: %s', async (name) => {
    // All at once: most of the time they wait.
    const found = await Promise.all(
      releases.map(async (release) => {
        await using etcd = await startEtcd({release});
        const [theirs, ours] = await Promise.all(
          [etcdTarget(etcd), memTarget()].map((target) => answers(programs[name], target, 2000)),
        );
        return {version: etcd.version, isDifferent: theirs?.join('\n') !== ours?.join('\n')};
      }),
    );
    const {concerns} = acceptedDifferences[name];
    expect(found).toEqual(found.map(({version}) => ({version, isDifferent: concerns(version)})));
  });
});
