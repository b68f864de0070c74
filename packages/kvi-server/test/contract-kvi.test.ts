// The contract's third run: what kvi-etcd does with an etcd, it does with a server of kvi.
import {describe, it} from '@jest/globals';
import {testKvi} from 'kvi-contract';
import {contractTarget} from './support/contract-target.ts';

describe('Through a server', () => {
  testKvi('kvi-etcd on kvi-server on kvi-mem', contractTarget(), {describe, it});
});
