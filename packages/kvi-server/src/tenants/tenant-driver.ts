import {
  type Driver,
  type DriverCallOptions,
  everyKey,
  KviError,
  type LeaseId,
  namespaced,
  noLease,
  type Bytes,
  type RequestOp,
  type TxnRequest,
} from 'kvi-core/driver';

/** A lease that is never granted: a put under it fails as one under a lease that does not exist. */
const nobodysLease: LeaseId = 'f'.repeat(16);

const noValue = Buffer.alloc(0);

/**
 * A part of a store as a store of its own. Its keys are below `<prefix>keys/`. Leases belong to the whole store; which ones are its own, keys
 * below `<prefix>leases/` say, which live as long as their lease. So they need no upkeep, and outlast the process.
 *
 * A lease of others is one that does not exist. The history is shared, so it cannot be compacted from here.
 */
export function tenantDriver(driver: Driver, prefix: string): Driver {
  const inside = namespaced(driver, Buffer.from(`${prefix}keys/`));
  const markers = namespaced(driver, Buffer.from(`${prefix}leases/`));

  async function owns(id: LeaseId, options: DriverCallOptions | undefined): Promise<boolean> {
    const {count} = await markers.range({key: Buffer.from(id), countOnly: true}, options);
    return count > 0;
  }

  /** Makes a call about a lease, if it is the tenant's. */
  async function ifOwned<R>(
    id: LeaseId,
    options: DriverCallOptions | undefined,
    call: (options: DriverCallOptions) => Promise<R>,
  ): Promise<R> {
    const left = countDown(driver, options);
    if (!(await owns(id, left()))) throw new KviError('KVI_LEASE_NOT_FOUND', `lease ${id} not found`);
    return call(left());
  }

  return {
    ...inside,

    async txn(request, options) {
      const leases = [...leasesOf(request)];
      if (leases.length === 0) return inside.txn(request, options);
      const left = countDown(driver, options);
      const owned = await Promise.all(leases.map((id) => owns(id, left())));
      const others = new Set(leases.filter((_, i) => owned[i] === false));
      // Whether the lease matters, only the branch taken tells.
      const own =
        others.size === 0 ? request : mapPuts(request, (id) => (others.has(id) ? nobodysLease : id));
      return inside.txn(own, {...options, ...left()});
    },

    async compact() {
      await Promise.resolve();
      throw new KviError('KVI_PERMISSION_DENIED', 'the history is shared with other tenants');
    },

    async leaseGrant(request, options) {
      if (request.id === nobodysLease) throw new KviError('KVI_LEASE_EXISTS', `lease ${nobodysLease} exists`);
      const left = countDown(driver, options);
      const granted = await inside.leaseGrant(request, left());
      const {id} = granted;
      try {
        const marker = {type: 'put', key: Buffer.from(id), value: noValue, lease: id} as const;
        const {revision} = await markers.txn({success: [marker]}, left());
        return {...granted, revision};
      } catch (error) {
        // Nobody else could revoke it. Otherwise it ends with its TTL.
        await driver.leaseRevoke(id).catch(() => undefined);
        throw error;
      }
    },

    leaseRevoke: (id, options) => ifOwned(id, options, (left) => inside.leaseRevoke(id, left)),
    leaseKeepAlive: (id, options) => ifOwned(id, options, (left) => inside.leaseKeepAlive(id, left)),
    leaseTimeToLive: (request, options) =>
      ifOwned(request.id, options, (left) => inside.leaseTimeToLive(request, left)),

    async leaseLeases(options) {
      const {kvs, revision} = await markers.range({...everyKey, keysOnly: true}, options);
      return {revision, leases: kvs.map(({key}) => Buffer.from(key).toString())};
    },

    /** How much the others have is not told. */
    async status(options) {
      return {...(await inside.status(options)), dbSize: 0, dbSizeInUse: 0};
    },

    async close() {
      await Promise.all([inside.close(), markers.close()]);
    },
  };
}

/** Options for one call after another that together may take as long as one. */
function countDown({clock}: Driver, {timeoutMs, signal}: DriverCallOptions = {}): () => DriverCallOptions {
  const start = clock.now();
  return () => ({
    signal,
    timeoutMs: timeoutMs === undefined ? undefined : Math.max(0, timeoutMs - (clock.now() - start)),
  });
}

/** The leases that puts name, in either branch and however deep. */
function leasesOf({success = [], failure = []}: TxnRequest<Bytes>): Set<LeaseId> {
  const leases = new Set<LeaseId>();
  for (const op of [...success, ...failure]) {
    if (op.type === 'txn') for (const id of leasesOf(op)) leases.add(id);
    if (op.type === 'put' && op.lease !== undefined && op.lease !== noLease) leases.add(op.lease);
  }
  return leases;
}

/** The same with other leases. */
function mapPuts(request: TxnRequest<Bytes>, leaseOf: (id: LeaseId) => LeaseId): TxnRequest<Bytes> {
  function map(op: RequestOp<Bytes>): RequestOp<Bytes> {
    if (op.type === 'txn') return {type: 'txn', ...mapPuts(op, leaseOf)};
    return op.type === 'put' && op.lease !== undefined ? {...op, lease: leaseOf(op.lease)} : op;
  }

  return {...request, success: request.success?.map(map), failure: request.failure?.map(map)};
}
