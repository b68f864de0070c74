import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';

/** What a backend says of itself. */
export const status: ContractGroup = {
  name: 'a status',
  cases: [
    {
      name: 'describes a cluster: its members, of which one leads and one has answered',
      async run({driver}) {
        const {clusterId, memberId, leader, members, raftTerm} = await driver.status();
        const ids = members.map(({id}) => id);
        for (const id of [clusterId, ...ids]) assert.match(id, /^[1-9a-f][0-9a-f]{0,15}$/, 'ids are 64 bits');
        assert.equal(new Set(ids).size, members.length, 'each member has an id of its own');
        assert.ok(ids.includes(memberId), 'a member answered');
        assert.ok(ids.includes(leader), 'a member leads');
        assert.ok(raftTerm > 0, 'it was elected');
      },
    },
    {
      name: 'stays the same but for what changes: two handles see one cluster',
      async run({driver, open}) {
        const other = await open();
        const [one, two] = [await driver.status(), await other.status()];
        assert.equal(one.clusterId, two.clusterId);
        assert.deepEqual(new Set(one.members.map(({id}) => id)), new Set(two.members.map(({id}) => id)));
      },
    },
    {
      name: 'tells the version, the size, and that there is no alarm',
      async run({driver}) {
        const {version, dbSize, dbSizeInUse, dbSizeQuota, alarms} = await driver.status();
        assert.match(version, /^\d+\.\d+\.\d+/, 'a version of etcd');
        assert.ok(dbSizeInUse >= 0 && dbSize >= dbSizeInUse, 'what is in use is a part of the whole');
        assert.ok(dbSizeQuota === undefined || dbSizeQuota >= dbSize, 'the quota is kept');
        assert.deepEqual(alarms, [], 'all is well');
      },
    },
  ],
};
