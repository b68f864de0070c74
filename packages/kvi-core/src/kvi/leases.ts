import type {CallOptions} from '../api/call-options.ts';
import type {AttachLeaseOptions, Lease, LeaseOptions, TimeToLiveOptions} from '../api/lease.ts';
import {checkBoolean, showValue} from '../etcd/bad-input.ts';
import type {Input} from '../etcd/bytes.ts';
import {invalidArgument} from '../etcd/errors.ts';
import {type LeaseId, noLease} from '../etcd/lease-id.ts';
import {checkLease} from '../etcd/validate.ts';
import type {HeldLease} from '../primitives/lease-table.ts';
import type {Decoder} from './codec.ts';
import type {Handle} from './handle.ts';
import {optionNames} from './option-names.ts';
import {checkTtl} from './options.ts';

/** @throws `KVI_INVALID_ARGUMENT` */
function checkId(id: LeaseId): void {
  checkLease(id);
  if (id === noLease) throw invalidArgument(`a lease's id must not be ${noLease}, which means none`);
}

/** The methods of a handle that are about leases and the history of the store. */
export function leaseMethods<T extends Input>(handle: Handle, decoder: Decoder<T>) {
  const {driver, options, leases: table} = handle;

  function toLease(held: HeldLease): Lease<T> {
    const {session, ttlSeconds, signal} = held;
    const id = session.lease;
    const lease: Lease<T> = {
      id,
      ttlSeconds,
      signal,
      isAlive: () => held.isAlive(),
      async refresh(callOptions?: CallOptions) {
        const own = handle.begin(callOptions, optionNames.call, (read = {}) => read);
        await held.refresh(own);
      },
      async timeToLive(callOptions?: TimeToLiveOptions) {
        const {keys = false, ...own} = handle.begin(callOptions, optionNames.timeToLive, (read = {}) => {
          checkBoolean('keys', read.keys);
          return read;
        });
        const found = await driver.leaseTimeToLive({id, keys}, own);
        return {
          ttlSeconds: found.ttlSeconds,
          grantedTtlSeconds: found.grantedTtlSeconds,
          keys: found.keys.map((key) => decoder.key(key)),
        };
      },
      revoke: () => held.revoke(),
      close: () => held.close(),
      [Symbol.asyncDispose]: () => held.close(),
    };
    handle.lend(lease, session);
    return lease;
  }

  async function lease(leaseOptions?: LeaseOptions): Promise<Lease<T>> {
    const {request, callOptions} = handle.begin(leaseOptions, optionNames.lease, (own = {}) => {
      const {
        ttlSeconds = options.ttlSeconds,
        id,
        keepAlive = true,
        timeoutMs = options.timeoutMs,
        ...rest
      } = own;
      checkTtl(ttlSeconds);
      if (id !== undefined) checkId(id);
      checkBoolean('keepAlive', keepAlive);
      return {request: {ttlSeconds, id, keepAlive}, callOptions: {...rest, timeoutMs}};
    });
    return toLease(await table.grant(request, callOptions));
  }

  async function attachLease(id: LeaseId, attachOptions?: AttachLeaseOptions): Promise<Lease<T>> {
    const own = handle.begin(attachOptions, optionNames.attachLease, (read = {}) => {
      const {keepAlive = false, timeoutMs = options.timeoutMs, ...rest} = read;
      checkId(id);
      checkBoolean('keepAlive', keepAlive);
      return {...rest, keepAlive, timeoutMs};
    });
    return toLease(await table.attach(id, own));
  }

  async function leases(callOptions?: CallOptions): Promise<LeaseId[]> {
    const {leases: ids} = await driver.leaseLeases(handle.begin(callOptions, optionNames.call, (own) => own));
    return ids;
  }

  async function compact(revision: number, callOptions?: CallOptions): Promise<void> {
    const own = handle.begin(callOptions, optionNames.call, (read) => {
      if (!(Number.isSafeInteger(revision) && revision >= 1)) {
        throw invalidArgument(`revision must be a whole number, 1 or more, not ${showValue(revision)}`);
      }
      return read;
    });
    await driver.compact({revision}, own);
  }

  return {lease, attachLease, leases, compact};
}
