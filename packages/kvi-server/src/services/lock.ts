import {etcdErrors, lock, unlock} from 'kvi-wire';
import {Refusal} from '../grpc/refusal.ts';
import {type Route, unary, waiting} from '../grpc/route.ts';
import type {ServiceContext} from '../store/context.ts';
import {checkKey, checkSize} from './checks.ts';
import {queueUp, untilFirst, withinTime} from './contenders.ts';

const noValue = Buffer.alloc(0);

/**
 * Locks on the leases of clients.
 *
 * @see `server/etcdserver/api/v3lock` in etcd
 */
export function lockService({identity, limits, alarms}: ServiceContext): Route[] {
  return [
    waiting(lock, ({name, lease}, call, size) =>
      withinTime(call, async (driver, signal) => {
        checkSize(size, limits.maxRequestBytes);
        alarms.beforeCall();
        alarms.beforeWrite(size);
        const place = await queueUp(driver, name, lease, noValue, signal);
        const {key, isFirst, revision} = place;
        if (isFirst) return {header: identity.header(revision), key};
        await untilFirst(driver, place, signal);
        // The lease may have ended meanwhile.
        const now = await driver.range({key, keysOnly: true}, {signal});
        if (now.kvs.length === 0) throw new Refusal(etcdErrors.sessionExpired);
        return {header: identity.header(now.revision), key};
      }),
    ),

    unary(unlock, ({key}, call) =>
      withinTime(call, async (driver, signal) => {
        checkKey({key});
        alarms.beforeCall();
        const {revision} = await driver.txn({success: [{type: 'deleteRange', key}]}, {signal});
        return {header: identity.header(revision)};
      }),
    ),
  ];
}
