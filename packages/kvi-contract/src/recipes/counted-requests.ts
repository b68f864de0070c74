import type {Driver} from 'kvi-core/driver';

/** A driver, and how many reads and transactions it has had. */
export function countedRequests(own: Driver): {driver: Driver; requests: () => number} {
  let count = 0;
  return {
    driver: {
      ...own,
      range(...args) {
        count += 1;
        return own.range(...args);
      },
      txn(...args) {
        count += 1;
        return own.txn(...args);
      },
    },
    requests: () => count,
  };
}
