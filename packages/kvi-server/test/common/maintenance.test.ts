// What etcd's `tests/common` has on the calls of operators, case by case under its names.
import {describe, expect, it} from '@jest/globals';
import {
  alarm,
  compact,
  defragment,
  deleteRange,
  hash,
  hashKv,
  healthCheck,
  memberList,
  put,
  range,
  status,
} from 'kvi-wire';
import {describeBesideEtcd, type Subject} from '../support/reference.ts';
import {refusal} from '../support/refusal.ts';

const key = Buffer.from('key');
const compacted = refusal('mvcc: required revision has been compacted', 11);

async function fill({client}: Subject, count: number): Promise<void> {
  for (let n = 1; n <= count; n += 1) await client.call(put, {key, value: Buffer.from(`val${n}`)});
}

describeBesideEtcd('maintenance', (subject) => {
  describe.each([false, true])('TestCompact: physical %s', (physical) => {
    it('what is before the revision is gone, and can be compacted once', async () => {
      const {client} = subject;
      await fill(subject, 3);
      const {kvs} = await client.call(range, {key, revision: 3});
      expect(kvs.map(({value}) => String(value))).toEqual(['val2']);
      await client.call(compact, {revision: 4, physical});
      expect(await client.failure(range, {key, revision: 3})).toEqual(compacted);
      expect(await client.failure(compact, {revision: 2, physical})).toEqual(compacted);
      expect(await client.failure(compact, {revision: 4, physical})).toEqual(compacted);
      expect(await client.failure(compact, {revision: 99, physical})).toEqual(
        refusal('mvcc: required revision is a future revision', 11),
      );
      expect(await client.call(range, {key, revision: 4})).toMatchObject({count: 1});
    });
  });

  it('TestV3CompactCurrentRev: the present revision stays', async () => {
    const {client} = subject;
    await fill(subject, 3);
    await client.call(compact, {revision: 4});
    for (const revision of [0, 4]) {
      expect(await client.call(range, {key, revision})).toMatchObject({kvs: [{version: 3}]});
    }
    await fill(subject, 1);
    expect(await client.call(range, {key, revision: 4})).toMatchObject({kvs: [{version: 3}]});
  });

  it('TestDefragOnline: it loses nothing', async () => {
    const {client} = subject;
    await fill(subject, 3);
    await client.call(compact, {revision: 4, physical: true});
    await client.call(defragment, {});
    expect(await client.call(range, {key})).toMatchObject({kvs: [{version: 3}]});
  });

  it('TestStatus, TestEndpointStatus: the member says what it is', async () => {
    const {client} = subject;
    await fill(subject, 2);
    const told = await client.call(status, {});
    expect(told).toMatchObject({header: {revision: 3}, errors: [], isLearner: false});
    const {members} = await client.call(memberList, {});
    expect(members.map(({id}) => id)).toEqual([told.header?.memberId]);
    expect(told.leader).toBe(told.header?.memberId);
    expect(told.version).toMatch(/^3\.\d+\.\d+/);
    for (const number of [told.raftTerm, told.raftIndex, told.dbSize]) expect(number).toBeGreaterThan(0);
    expect(told.dbSizeInUse).toBeLessThanOrEqual(told.dbSize);
  });

  it('TestEndpointHealth: the member serves', async () => {
    expect(await subject.client.call(healthCheck, {service: ''})).toEqual({status: 'serving'});
    expect(await subject.client.call(alarm, {action: 'get'})).toMatchObject({alarms: []});
  });

  it('TestEndpointHashKV: the hash is one of the revision', async () => {
    const {client} = subject;
    await fill(subject, 10);
    const before = await client.call(hashKv, {});
    expect(before.compactRevision).toBe(-1);
    expect(await client.call(hashKv, {revision: 11})).toMatchObject({hash: before.hash});
    await fill(subject, 1);
    expect(await client.call(hashKv, {revision: 11})).toMatchObject({hash: before.hash});
    expect((await client.call(hashKv, {})).hash).not.toBe(before.hash);
    expect(await client.failure(hashKv, {revision: 99})).toEqual(
      refusal('mvcc: required revision is a future revision', 11),
    );
  });

  it('Hash: a hash of what is stored now', async () => {
    const {client} = subject;
    await fill(subject, 10);
    const before = await client.call(hash, {});
    expect(await client.call(hash, {})).toEqual(before);
    await fill(subject, 1);
    expect((await client.call(hash, {})).hash).not.toBe(before.hash);
  });

  it('TestVerifyHashKVAfterCompactAndDefrag: the hash is of what a compaction left', async () => {
    const {client} = subject;
    await fill(subject, 3);
    await client.call(deleteRange, {key});
    await fill(subject, 3);
    await client.call(compact, {revision: 5, physical: true});
    const before = await client.call(hashKv, {revision: 6});
    expect(before.compactRevision).toBe(5);
    await client.call(defragment, {});
    expect(await client.call(hashKv, {revision: 6})).toMatchObject({hash: before.hash});
    expect(await client.failure(hashKv, {revision: 4})).toEqual(compacted);
  });
});

describeBesideEtcd('alarms', (subject) => {
  it('are raised and disarmed for the member that is named, or for none', async () => {
    const {client} = subject;
    const {header} = await client.call(status, {});
    const members = ['0', header?.memberId ?? '', '99'];
    for (const memberId of members) {
      const raised = [{memberId, alarm: 'noSpace'}];
      for (let times = 0; times < 2; times += 1) {
        const answer = await client.call(alarm, {action: 'activate', memberId, alarm: 'noSpace'});
        expect(answer.alarms).toEqual(raised);
      }
    }
    const {alarms} = await client.call(alarm, {action: 'get'});
    expect(alarms.map(({memberId}) => memberId).sort()).toEqual([...members].sort());
    expect((await client.call(status, {})).errors).toContain('alarm:NOSPACE ');
    const full = refusal('mvcc: database space exceeded', 8);
    for (const memberId of members) {
      expect(await client.failure(put, {key, value: key})).toEqual(full);
      const disarmed = await client.call(alarm, {action: 'deactivate', memberId, alarm: 'noSpace'});
      expect(disarmed.alarms).toEqual([{memberId, alarm: 'noSpace'}]);
    }
    expect(await client.call(alarm, {action: 'deactivate', alarm: 'noSpace'})).toMatchObject({alarms: []});
    await client.call(put, {key, value: key});
  });
});

/** As etcd's test has it: 13 pages. */
const quota = 13 * 4_096;

describeBesideEtcd(
  'a small quota',
  (subject) => {
    it('TestAlarm: writes are refused until space was made and the alarm disarmed', async () => {
      const {client} = subject;
      const full = refusal('mvcc: database space exceeded', 8);
      const small = Buffer.alloc(64, 'a');
      await client.call(put, {key: Buffer.from('1st_test'), value: small});
      const large = {key: Buffer.from('2nd_test'), value: Buffer.alloc(4_096, 'b')};
      const refused = await (async () => {
        for (;;) await client.call(put, large);
      })().catch((error: unknown) => error);
      expect(refused).toMatchObject({status: full});
      const {alarms} = await client.call(alarm, {action: 'get'});
      expect(alarms).toMatchObject([{alarm: 'noSpace'}]);
      expect(await client.failure(put, {key: Buffer.from('3rd_test'), value: small})).toEqual(full);
      // Reading and deleting go on.
      const {header} = await client.call(range, {key: Buffer.from('3rd_test')});
      await client.call(compact, {revision: header?.revision, physical: true});
      await client.call(defragment, {});
      for (const raised of alarms) await client.call(alarm, {...raised, action: 'deactivate'});
      expect(await client.call(alarm, {action: 'get'})).toMatchObject({alarms: []});
      await client.call(put, {key: Buffer.from('4th_test'), value: small});
    });
  },
  {etcd: {args: ['--quota-backend-bytes', String(quota)]}, server: {limits: {quotaBackendBytes: quota}}},
);
