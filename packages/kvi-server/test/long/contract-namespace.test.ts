// The contract through a server, on a part of its store.
import {describe, it} from '@jest/globals';
import {namespaceTarget, testDriver, testKvi} from 'kvi-contract';
import {contractTarget} from '../support/contract-target.ts';

describe('Through a server', () => {
  const part = namespaceTarget(contractTarget(), Buffer.from('a part/'));
  testDriver('a namespace on kvi-server', part, {describe, it});
  testKvi('a namespace on kvi-server', part, {describe, it});
});
