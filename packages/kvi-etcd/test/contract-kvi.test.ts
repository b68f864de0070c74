// Apart from the contract of the driver, so that both can run at the same time.
import {it} from '@jest/globals';
import {testKvi} from 'kvi-contract';
import {describeWithEtcd as describe} from 'kvi-testbed';
import {contractTarget} from './support/contract-target.ts';

describe('On a real etcd', () => {
  testKvi('kvi-etcd', contractTarget(), {describe, it});
});
