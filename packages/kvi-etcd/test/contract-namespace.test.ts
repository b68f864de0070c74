import {it} from '@jest/globals';
import {namespaceTarget, testDriver, testKvi} from 'kvi-contract';
import {describeWithEtcd as describe} from 'kvi-testbed';
import {contractTarget} from './support/contract-target.ts';

describe('On a real etcd', () => {
  const part = namespaceTarget(contractTarget(), Buffer.from('a part/'));
  testDriver('a namespace of kvi-etcd', part, {describe, it});
  testKvi('a namespace of kvi-etcd', part, {describe, it});
});
