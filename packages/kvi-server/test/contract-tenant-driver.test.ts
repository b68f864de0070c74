// The contract on a tenant's part of a store.
import {describe, it} from '@jest/globals';
import {testDriver} from 'kvi-contract';
import {memTenantTarget} from './support/tenant-target.ts';

testDriver('a tenant on kvi-mem', memTenantTarget(), {describe, it});
