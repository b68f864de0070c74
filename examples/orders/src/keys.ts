/**
 * Where the service keeps what. Everything has one prefix, so that others can share the store, and each kind of thing has
 * a prefix of its own, so that it can be listed and watched.
 */
const all = 'orders-example/';

export const keys = {
  all,
  /** The largest quantity that one order may have. */
  limit: `${all}config/limit`,
  /** `stock/<item>`: how many there are. */
  stock: `${all}stock/`,
  /** `orders/<id>`: an order, as JSON. */
  orders: `${all}orders/`,
  /** `repeats/<id>`: an order that was sent once more. */
  repeats: `${all}repeats/`,
  /** `instances/<name>`: there while that instance lives. */
  instances: `${all}instances/`,
  /** The last nightly report. */
  report: `${all}report`,
  /** Names of locks. */
  nightLock: `${all}locks/night`,
  stocktakeLock: `${all}locks/stocktake`,
} as const;
