import {afterAll, beforeAll, describe, it} from '@jest/globals';
import {type FuzzTarget, testDriverAgainstModel} from 'kvi-contract/fuzz';
import {describeWithEtcd, type Etcd, startEtcd} from 'kvi-testbed';
import {etcdTarget, memTarget} from '../src/targets.ts';

testDriverAgainstModel('kvi-mem', memTarget(), {describe, it}, {runs: 300});

describeWithEtcd('On a real etcd', () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.stop());

  const target: FuzzTarget = {
    open: () => etcdTarget(etcd).open(),
    get accepted() {
      return etcdTarget(etcd).accepted ?? [];
    },
  };
  testDriverAgainstModel('kvi-etcd', target, {describe, it}, {runs: 15, seed: 2});
});
