import {type Change, isKviError, type Kvi, type WatchHandle} from 'kvi';
import {atomically, discover, register, type Registration} from 'kvi/recipes';
import {keys} from './keys.ts';

/** An order, as it is stored. */
export interface Order {
  item: string;
  quantity: number;
  state: 'placed' | 'shipped';
}

/** The limit while none is configured. */
const defaultLimit = 10;

/**
 * One instance of the service. Any number of them work on one store, which holds what they must agree on.
 *
 * It gets its store from outside, so that it runs on etcd in production and on `mem:` in its tests.
 */
export class OrderService {
  readonly #kv: Kvi;
  readonly #name: string;
  readonly #onLimit: (limit: number) => void;
  #limit = defaultLimit;
  #registration: Registration | undefined;
  #limitWatch: WatchHandle | undefined;

  /** @param onLimit called when the limit was changed, by whomever */
  constructor(kv: Kvi, name: string, onLimit: (limit: number) => void = () => undefined) {
    this.#kv = kv;
    this.#name = name;
    this.#onLimit = onLimit;
  }

  /** Announces the instance, and follows the configuration. */
  async start(): Promise<void> {
    // Kept alive in the background; after a crash the store removes it by itself.
    this.#registration = await register(this.#kv, keys.instances, {addr: this.#name});
    await this.#followLimit();
  }

  /** First the watch, then the read: a change between the two would be missed the other way round. */
  async #followLimit(): Promise<void> {
    let watched = false;
    this.#limitWatch = await this.#kv.watchWithCB(
      keys.limit,
      'put',
      (_key, value) => {
        watched = true;
        this.#learnLimit(value);
      },
      undefined,
      {
        onError: (error) => {
          void this.#followAgain(error);
        },
      },
    );
    const stored = await this.#kv.get(keys.limit);
    if (stored !== undefined && !watched) this.#learnLimit(stored);
  }

  /** What changed while the connection was away is not told any more: read what holds now, and go on from there. */
  async #followAgain(error: unknown): Promise<void> {
    if (!isKviError(error, 'KVI_COMPACTED')) throw error;
    await this.#followLimit();
  }

  #learnLimit(stored: string): void {
    const limit = Number(stored);
    if (limit === this.#limit) return;
    this.#limit = limit;
    this.#onLimit(limit);
  }

  /** Takes back what `start` did. The handle stays open: whoever opened it closes it. */
  async stop(): Promise<void> {
    if (this.#limitWatch !== undefined) await this.#kv.watchCBCancel(this.#limitWatch);
    await this.#registration?.close();
  }

  /** The names of the instances that live. */
  async instances(): Promise<string[]> {
    await using found = discover(this.#kv, keys.instances);
    const {value} = await found.next();
    return [...(value?.keys() ?? [])].sort();
  }

  /** Sets the limit, for all instances. */
  async setLimit(limit: number): Promise<void> {
    await this.#kv.store(keys.limit, String(limit));
  }

  /** How many of an item there are. */
  async stockOf(item: string): Promise<number> {
    return Number((await this.#kv.get(`${keys.stock}${item}`)) ?? 0);
  }

  /**
   * Adds to the stock of an item, or takes from it, without a lock: what it read must still be there when it writes. It
   * must not be done twice, and the stock does not tell who changed it; so when an answer is lost, the handle finds out.
   *
   * @returns whether there were enough to take
   */
  async changeStock(item: string, by: number): Promise<boolean> {
    const key = `${keys.stock}${item}`;
    for (;;) {
      const before = await this.#kv.get(key);
      const after = Number(before ?? 0) + by;
      if (after < 0) return false;
      if (await this.#kv.tas(key, before ?? null, String(after), {onUnknownOutcome: 'resolve'})) return true;
      // Another instance was faster: look again.
    }
  }

  /**
   * Places an order. Safe to repeat, by a customer who clicks twice as by a caller that got no answer: the first one
   * with an id counts, and the store remembers that there were more.
   */
  async place(id: string, item: string, quantity: number): Promise<'placed' | 'repeated' | 'over the limit'> {
    if (quantity > this.#limit) return 'over the limit';
    const orderKey = `${keys.orders}${id}`;
    const repeatKey = `${keys.repeats}${id}`;
    const order = serialize({item, quantity, state: 'placed'});
    // Every order is greater than '', and of a key that does not exist no comparison is true.
    const exists = await this.#kv.transaction(orderKey, '>', '', repeatKey, order, orderKey, order);
    return exists ? 'repeated' : 'placed';
  }

  /**
   * Ships an order: it is marked as shipped and taken from the stock, both or neither, if nobody changed either of them
   * meanwhile. Safe to repeat.
   */
  async ship(id: string): Promise<'shipped' | 'out of stock' | 'no such order'> {
    const orderKey = `${keys.orders}${id}`;
    // Runs again if what it read was changed before it could write.
    return atomically(this.#kv, async (t) => {
      const stored = await t.get(orderKey);
      if (stored === undefined) return 'no such order';
      const order = parse(stored);
      if (order.state === 'shipped') return 'shipped';

      const stockKey = `${keys.stock}${order.item}`;
      const stock = Number((await t.get(stockKey)) ?? 0);
      if (stock < order.quantity) return 'out of stock';

      t.store(orderKey, serialize({...order, state: 'shipped'}));
      t.store(stockKey, String(stock - order.quantity));
      return 'shipped';
    });
  }

  /** Forgets an order. Returns whether there was one. */
  async cancel(id: string): Promise<boolean> {
    return this.#kv.delete(`${keys.orders}${id}`);
  }

  /** What happens to orders: those that there are, then each change, none left out. Ends when its reader leaves. */
  async *audit(): AsyncGenerator<string, void, undefined> {
    const {kvs, revision} = await this.#kv.range({prefix: keys.orders});
    for (const {key, value} of kvs) yield describe({key, value});
    // From the revision after the one that was read, so that nothing falls between.
    for await (const {events} of this.#kv.changes({prefix: keys.orders}, {startRevision: revision + 1})) {
      for (const event of events) yield describe(event);
    }
  }
}

function describe({key, value}: Pick<Change, 'key' | 'value'>): string {
  const id = key.slice(keys.orders.length);
  if (value === undefined) return `order ${id} is cancelled`;
  const {item, quantity, state} = parse(value);
  return `order ${id} of ${quantity} ${item} is ${state}`;
}

function serialize(order: Order): string {
  return JSON.stringify(order);
}

/** Nobody but {@link serialize} writes orders. */
function parse(stored: string): Order {
  return JSON.parse(stored) as Order;
}
