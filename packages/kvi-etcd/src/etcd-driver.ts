import {
  type Bytes,
  compareBytes,
  describeRange,
  describeTxn,
  type Driver,
  KviError,
  type LeaseId,
  systemClock,
  type TxnRequest,
  writes,
} from 'kvi-core/driver';
import type {Client} from './client.ts';
import {isServiceError, type Services} from './cluster/connection.ts';
import {isPermissionDenied} from './wire/failures.ts';
import {keepAlives} from './streams/keep-alives.ts';
import {fromLease, fromRange, fromTxn, toLease, toRange, toTxn} from './wire/translate.ts';
import {watchRegistry} from './streams/watch-registry.ts';

/** What {@link etcdDriver} may be told. */
export interface EtcdDriverOptions {
  /** How many events a watch keeps for a slow consumer. Default 100,000. */
  maxBufferedEvents?: number | undefined;
  /** Whether diagnostics name the keys that are watched. Default false. */
  diagnosticKeys?: boolean | undefined;
}

/** The port on an etcd cluster. */
export function etcdDriver(client: Client, options: EtcdDriverOptions): Driver {
  const keeper = keepAlives(client);
  const watches = watchRegistry(client, {
    ...options,
    async presentRevision(key, signal) {
      const {revision} = await driver.range({key, countOnly: true}, {signal});
      return revision;
    },
  });

  const driver: Driver = {
    clock: systemClock,

    async range(request, limits = {}) {
      const call = {
        write: false,
        describe: () => `range ${describeRange(request)}`,
        withoutLeader: request.serializable === true,
      };
      return fromRange(await client.call(call, limits, ({kv}) => kv.range(toRange(request))), request);
    },

    async txn(request, limits = {}) {
      const call = {write: writes(request), describe: () => `txn on ${describeTxn(request)}`};
      const response = await client.call(call, limits, async (services) => {
        if (hasNoOperations(request)) await linearizableBarrier(services);
        return services.kv.txn(toTxn(request));
      });
      return fromTxn(response, request);
    },

    async compact(revision, limits = {}) {
      const call = {write: true, describe: () => `compact ${String(revision)}`};
      await client.call(call, limits, ({kv}) => kv.compact({revision}));
    },

    async leaseGrant({ttlSeconds, id}, limits = {}) {
      const call = {write: true, describe: () => 'grant a lease'};
      const request = {TTL: ttlSeconds, ...(id === undefined ? {} : {ID: toLease(id)})};
      const {ID, TTL} = await client.call(call, limits, ({lease}) => lease.leaseGrant(request));
      return {id: fromLease(ID), ttlSeconds: Number(TTL)};
    },

    async leaseRevoke(id, limits = {}) {
      const call = {write: true, describe: () => `revoke lease ${id}`};
      await client.call(call, limits, ({lease}) => lease.leaseRevoke({ID: toLease(id)}));
    },

    leaseKeepAlive: (id, limits = {}) => keeper.keepAlive(id, limits),

    async leaseTimeToLive({id, keys = false}, limits = {}) {
      const call = {write: false, describe: () => `read lease ${id}`};
      const request = {ID: toLease(id), keys};
      const found = await client.call(call, limits, ({lease}) => lease.leaseTimeToLive(request));
      // etcd's way to say that there is none.
      if (found.TTL === '-1') throw leaseNotFound(id);
      return {
        id,
        ttlSeconds: Number(found.TTL),
        grantedTtlSeconds: Number(found.grantedTTL),
        keys: found.keys.sort(compareBytes),
      };
    },

    async leaseLeases(limits = {}) {
      const call = {write: false, describe: () => 'list leases'};
      const {leases} = await client.call(call, limits, async (services) => {
        await linearizableBarrier(services);
        return services.lease.leaseLeases();
      });
      return leases.map(({ID}) => fromLease(ID)).sort();
    },

    watch: (request, limits) => watches.watch(request, limits),

    close() {
      watches.close();
      client.close();
      return Promise.resolve();
    },
  };
  return driver;
}

/**
 * Lets the member learn everything that its cluster had agreed on before. It does so before it looks at permissions, so
 * one who may not read the key can ask for it too.
 *
 * A member answers two requests from what it has, old as that may be, without being asked to: for the leases, and a
 * transaction without operations.
 *
 * @see `Range`, `isTxnSerializable` and `LeaseLeases` in etcd's `v3_server.go`
 */
async function linearizableBarrier({kv}: Services): Promise<void> {
  try {
    await kv.range({key: Buffer.of(0), count_only: true});
  } catch (error) {
    if (!(isServiceError(error) && isPermissionDenied(error))) throw error;
  }
}

function hasNoOperations({success = [], failure = []}: TxnRequest<Bytes>): boolean {
  return success.length === 0 && failure.length === 0;
}

function leaseNotFound(id: LeaseId): KviError {
  return new KviError('KVI_LEASE_NOT_FOUND', `lease ${id} has expired or was revoked`);
}
