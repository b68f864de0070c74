import {
  type BufferLimits,
  closed,
  compareBytes,
  describeRange,
  describeTxn,
  type Driver,
  systemClock,
  withDeadline,
  writes,
} from 'kvi-core/driver';
import {createScopes} from './async/scopes.ts';
import {authenticate, type User} from './calls/authenticate.ts';
import {linearizableBarrier} from './calls/barrier.ts';
import {listMembers} from './calls/list-members.ts';
import {renewals} from './calls/renewals.ts';
import {memberStatus} from './calls/member-status.ts';
import {status} from './calls/status.ts';
import {sendTxn} from './calls/txn.ts';
import {unaryCalls} from './calls/unary.ts';
import {authenticator, noAuthentication} from './cluster/authenticator.ts';
import type {ConnectionOptions} from './cluster/connection.ts';
import type {Endpoint} from './cluster/endpoints.ts';
import {createMembers, type Member} from './cluster/members.ts';
import {followMembership} from './cluster/membership.ts';
import {keepAlives} from './streams/keep-alives.ts';
import {requestStreams} from './streams/request-streams.ts';
import {storeHistory} from './streams/store-history.ts';
import {watchRegistry} from './streams/watch-registry.ts';
import * as etcd from 'kvi-wire';
import {leaseNotFound} from './failures/kvi-errors.ts';

/** How {@link etcdDriver} reaches a cluster, and as whom. */
export interface EtcdDriverOptions extends ConnectionOptions, BufferLimits {
  endpoints: readonly Endpoint[];
  /** Absent: the user without a name. */
  user?: User | undefined;
  /** Milliseconds between two looks at the cluster's membership. Absent: the endpoints stay as they are. */
  membershipIntervalMs?: number | undefined;
  /** Whether diagnostics name the keys that are watched. Default false. */
  diagnosticKeys?: boolean | undefined;
}

/** {@link etcdDriver}'s, before it is somebody's handle. */
export interface EtcdDriver extends Driver {
  /**
   * The endpoints that belong to another cluster than the others.
   *
   * @param timeoutMs - how long to wait for those that have not been connected
   */
  strangers(timeoutMs: number): Promise<string[]>;
}

/** The port on an etcd cluster. Connects when it is first needed. */
export function etcdDriver(options: EtcdDriverOptions): EtcdDriver {
  const {endpoints, user, membershipIntervalMs} = options;
  const closing = new AbortController();
  const statusOf = (on: Member) => memberStatus(unaryCalls(members, scopes, unauthenticated), on);
  const members = createMembers(endpoints, options, async (member) => (await statusOf(member)).clusterId);
  // Members that calls do not go to now stay connected, so that a call can go to them at once.
  const scopes = createScopes(() => {
    members.connect();
  });
  const unauthenticated = noAuthentication();
  const auth =
    user === undefined
      ? unauthenticated
      : authenticator(() => authenticate(unaryCalls(members, scopes, unauthenticated), user));
  const call = unaryCalls(members, scopes, auth);
  const streams = requestStreams(members, scopes, auth, async (on) => (await statusOf(on)).version);
  const renewed = renewals(call);
  const keeper = keepAlives(streams, scopes, renewed);
  const history = storeHistory((error) => {
    watches.endAll(error);
  });
  const watches = watchRegistry(streams, {
    ...options,
    history,
    async presentRevision(key, signal) {
      const {revision} = await driver.range({key, countOnly: true}, {signal});
      return revision;
    },
  });
  if (membershipIntervalMs !== undefined) {
    followMembership({
      members,
      intervalMs: membershipIntervalMs,
      ask: (member) => listMembers(call, member),
      closing: closing.signal,
    });
  }

  const driver: EtcdDriver = {
    clock: {...systemClock, wallTime: Date.now},

    async range(request, limits) {
      const atLeast = request.serializable === true ? 0 : history.revision;
      const response = await call(
        {
          write: false,
          withoutLeader: request.serializable === true,
          describe: () => `range ${describeRange(request)}`,
          body: (send) => send(etcd.range, etcd.toRange(request)),
        },
        limits,
      );
      renewed.wasRead(request.key);
      const answer = etcd.fromRange(response, request);
      history.answered(answer.revision, atLeast);
      return answer;
    },

    async txn(request, limits) {
      const atLeast = history.revision;
      const response = await call(
        {
          write: writes(request),
          describe: () => `txn on ${describeTxn(request)}`,
          body: (send) => sendTxn(send, request),
        },
        limits,
      );
      history.answered(response.revision, atLeast);
      const [compared] = request.compare ?? [];
      if (compared !== undefined) renewed.wasRead(compared.key);
      return response;
    },

    async compact(request, limits) {
      const {header} = await call(
        {
          write: true,
          describe: () => `compact ${request.revision}`,
          body: (send) => send(etcd.compact, request),
        },
        limits,
      );
      return {revision: etcd.revisionOf(header)};
    },

    async leaseGrant({ttlSeconds, id: wanted}, limits) {
      const {header, id, ttl} = await call(
        {
          write: true,
          describe: () => 'grant a lease',
          body: (send) => send(etcd.leaseGrant, {ttl: ttlSeconds, id: wanted}),
        },
        limits,
      );
      return {revision: etcd.revisionOf(header), id, ttlSeconds: ttl};
    },

    async leaseRevoke(id, limits) {
      const {header} = await call(
        {
          write: true,
          describe: () => `revoke lease ${id}`,
          body: (send) => send(etcd.leaseRevoke, {id}),
        },
        limits,
      );
      return {revision: etcd.revisionOf(header)};
    },

    leaseKeepAlive: (id, limits = {}) => keeper.keepAlive(id, limits),

    async leaseTimeToLive({id, keys = false}, limits) {
      const found = await call(
        {
          write: false,
          describe: () => `read lease ${id}`,
          body: (send) => send(etcd.leaseTimeToLive, {id, keys}),
        },
        limits,
      );
      // etcd's answer if there is no such lease.
      if (found.ttl === -1) throw leaseNotFound(id);
      return {
        revision: etcd.revisionOf(found.header),
        id,
        ttlSeconds: found.ttl,
        grantedTtlSeconds: found.grantedTtl,
        keys: found.keys.sort(compareBytes),
      };
    },

    async leaseLeases(limits) {
      const {header, leases} = await call(
        {
          write: false,
          describe: () => 'list leases',
          async body(send) {
            await linearizableBarrier(send);
            return send(etcd.leaseLeases, {});
          },
        },
        limits,
      );
      return {revision: etcd.revisionOf(header), leases: leases.map(({id}) => id).sort()};
    },

    status: (limits) => status(call, limits),

    watch: (request, limits) => watches.watch(request, limits),

    async strangers(timeoutMs) {
      const wait = {timeoutMs, closing: closing.signal};
      await withDeadline(systemClock, wait, (ended) => members.settled(ended)).catch(() => undefined);
      return members.strangers().map(({name}) => name);
    },

    close() {
      closing.abort(closed());
      watches.close();
      streams.close();
      scopes.close();
      members.close();
      return Promise.resolve();
    },
  };
  return driver;
}
