import {
  acceptedDifferences,
  type AcceptedDifferenceName,
  type NamedTarget,
  skippingClock,
} from 'kvi-contract/fuzz';
import {openEtcdDriver} from 'kvi-etcd';
import {MemStore} from 'kvi-mem';
import type {Etcd} from 'kvi-testbed/programs';

/** A twin of its own. Waiting for a lease to expire takes it no time. */
export function memTarget(): NamedTarget {
  const clock = skippingClock();
  // The one that etcd has with the election timeout of the testbed is shorter than any that a program asks for.
  const store = new MemStore({clock, minTtlSeconds: 1, historyLimit: Infinity});
  return {
    name: 'mem',
    open: () => Promise.resolve(store.driver()),
    passTime(ms) {
      clock.skip(ms);
      return Promise.resolve();
    },
  };
}

/** An etcd that nobody else uses. */
export function etcdTarget({url, version}: Etcd): NamedTarget {
  const all = Object.keys(acceptedDifferences) as AcceptedDifferenceName[];
  return {
    name: `etcd ${version}`,
    open: () => openEtcdDriver(url),
    accepted: all.filter((name) => acceptedDifferences[name].concerns(version)),
  };
}
