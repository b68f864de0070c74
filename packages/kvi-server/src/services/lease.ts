import {isKviError, type LeaseId} from 'kvi-core/driver';
import {etcdErrors, leaseGrant, leaseKeepAlive, leaseLeases, leaseRevoke, leaseTimeToLive} from 'kvi-wire';
import type {Call} from '../grpc/call.ts';
import {Refusal, statusOf} from '../grpc/refusal.ts';
import {type Route, streaming, unary} from '../grpc/route.ts';
import type {ServiceContext} from '../store/context.ts';
import {revisionNow} from '../store/revision-now.ts';

/** etcd grants no longer lease, in seconds. */
const maxTtlSeconds = 9_000_000_000;

/** Leases. */
export function leaseService({identity, limits, alarms}: ServiceContext): Route[] {
  async function renew(id: LeaseId, {driver, limits: within}: Call) {
    try {
      const {revision, ttlSeconds} = await driver.leaseKeepAlive(id, within);
      return {header: identity.header(revision), id, ttl: ttlSeconds};
    } catch (error) {
      if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
      // The stream goes on: others may be alive.
      return {header: identity.header(await revisionNow({driver, limits: within})), id, ttl: 0};
    }
  }

  return [
    unary(leaseGrant, async ({ttl, id: wanted}, {driver, limits: within}, size) => {
      if (ttl > maxTtlSeconds) throw new Refusal(etcdErrors.leaseTtlTooLarge);
      alarms.beforeCall();
      alarms.beforeWrite(size);
      const ttlSeconds = Math.max(ttl, limits.minLeaseTtlSeconds);
      const granted = await driver.leaseGrant({ttlSeconds, id: wanted}, within);
      return {header: identity.header(granted.revision), id: granted.id, ttl: granted.ttlSeconds};
    }),

    unary(leaseRevoke, async ({id}, {driver, limits: within}) => {
      alarms.beforeCall();
      const {revision} = await driver.leaseRevoke(id, within);
      return {header: identity.header(revision)};
    }),

    unary(leaseTimeToLive, async ({id, keys: withKeys}, {driver, limits: within}) => {
      alarms.beforeCall();
      try {
        const found = await driver.leaseTimeToLive({id, keys: withKeys}, within);
        const {revision, ttlSeconds, grantedTtlSeconds, keys} = found;
        return {header: identity.header(revision), id, ttl: ttlSeconds, grantedTtl: grantedTtlSeconds, keys};
      } catch (error) {
        if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
        return {header: identity.header(await revisionNow({driver, limits: within})), id, ttl: -1};
      }
    }),

    unary(leaseLeases, async (_, {driver, limits: within}) => {
      alarms.beforeCall();
      const {revision, leases} = await driver.leaseLeases(within);
      return {header: identity.header(revision), leases: leases.map((id) => ({id}))};
    }),

    streaming(leaseKeepAlive, (replies, call) => {
      /** Answers come in the order of the requests. */
      let answered = Promise.resolve();
      return {
        onRequest({id}) {
          const renewal = renew(id, call);
          // Until its turn comes, nobody looks at it.
          renewal.catch(() => undefined);
          answered = answered
            .then(async () => replies.send(await renewal))
            .catch((error: unknown) => replies.end(statusOf(error)));
        },
        onEnd: () => void answered.then(() => replies.end()),
        onClose: () => undefined,
      };
    }),
  ];
}
