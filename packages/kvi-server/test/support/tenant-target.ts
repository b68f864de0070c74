import type {ContractTarget} from 'kvi-contract';
import type {Driver} from 'kvi-core/driver';
import {MemStore} from 'kvi-mem';
import {tenants} from 'kvi-server';

/** A tenant's part of a store. Tenants cannot compact; the suite does it as the store's operator. */
export function tenantTarget(target: ContractTarget): ContractTarget {
  async function open(): Promise<Driver> {
    const whole = await target.open();
    const authorize = tenants(whole, {nameOf: () => 'a tenant'});
    const part = await authorize({method: '', metadata: {}, peerCertificate: undefined});
    return {
      ...part,
      compact: (...args) => whole.compact(...args),
      async close() {
        await part.close();
        await whole.close();
      },
    };
  }

  return {...target, open, marksLeases: true};
}

/** A tenant's part of a store in process. */
export function memTenantTarget(): ContractTarget {
  const store = new MemStore();
  return tenantTarget({
    open: () => Promise.resolve(store.driver()),
    leftovers: () => Promise.resolve(store.watchCount === 0 ? [] : [`${store.watchCount} watches`]),
  });
}
