import {it} from '@jest/globals';
import {testDriver} from 'kvi-contract';
import {describeWithEtcd as describe} from 'kvi-testbed';
import {contractTarget} from './support/contract-target.ts';

describe('On a real etcd', () => {
  testDriver('kvi-etcd', contractTarget(), {describe, it});
  testDriver('kvi-etcd, not coalesced', contractTarget({coalesce: false}), {describe, it});
});
