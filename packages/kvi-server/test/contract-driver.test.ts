// The contract's third run: what kvi-etcd does with an etcd, it does with a server of kvi.
import {describe, it} from '@jest/globals';
import {testDriver} from 'kvi-contract';
import {contractTarget} from './support/contract-target.ts';

describe('Through a server', () => {
  testDriver('kvi-etcd on kvi-server on kvi-mem', contractTarget(), {describe, it});
});
