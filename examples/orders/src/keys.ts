/** The part of a store that belongs to the service, so that others can share the store; see `namespace` in story.ts. */
export const ownPrefix = 'orders-example/';

/** Where the service keeps what, in its part. Each kind of thing has a prefix of its own, so that it can be listed and watched. */
export const keys = {
  /** The largest quantity that one order may have. */
  limit: 'config/limit',
  /** `stock/<item>`: how many there are. */
  stock: 'stock/',
  /** `orders/<id>`: an order, as JSON. */
  orders: 'orders/',
  /** `repeats/<id>`: an order that was sent once more. */
  repeats: 'repeats/',
  /** What instances register as; `instances/<name>` is there while that instance lives. */
  instances: 'instances',
  /** The last nightly report. */
  report: 'report',
  /** Names of locks. */
  nightLock: 'locks/night',
  stocktakeLock: 'locks/stocktake',
} as const;
