import {it} from '@jest/globals';
import {testKvi} from 'kvi-contract';
import {describeWithEtcd as describe} from 'kvi-testbed';
import {contractTarget} from '../support/contract-target.ts';

describe('On a real etcd', () => {
  testKvi('kvi-etcd, not coalesced', contractTarget({coalesce: false}), {describe, it});
});
