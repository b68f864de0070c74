import type {WriteOptions} from '../api/call-options.ts';
import type {ContendOptions, DistLock, DistLockOptions} from '../api/dist-lock.ts';
import {type Bytes, encode, type Input} from '../etcd/bytes.ts';
import type {TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {type Condition, fencedTxn} from '../etcd/fenced-txn.ts';
import {checkTxn} from '../etcd/validate.ts';
import {type HeldLock, lockLost} from '../primitives/lock-table.ts';
import {enqueueRequest} from '../primitives/contender.ts';
import {type Decoder, decodeTxnResponse, encodeTxn} from './codec.ts';
import type {Handle} from './handle.ts';
import {optionNames} from './option-names.ts';
import {maxLeaseId} from '../etcd/lease-id.ts';
import {checkLockName, checkLockWait, checkTtl} from './options.ts';

/** The methods of a handle that take and release locks. */
export function lockMethods<T extends Input>(handle: Handle, decoder: Decoder<T>) {
  const {locks, options} = handle;

  function lockRequest(name = options.lockName, lockOptions?: DistLockOptions) {
    return handle.begin(lockOptions, optionNames.distLock, (own = {}) => {
      checkLockName(name);
      const {value = '', ...contender} = own;
      return {name, ...readContender(handle, name, encode(value, 'value'), contender)};
    });
  }

  function withGuard(lock: HeldLock): DistLock<T> {
    return {...lock, guard: (request, callOptions) => guard(lock, request, callOptions)};
  }

  /** The transaction, behind a compare of the fencing token. */
  async function guard(
    lock: HeldLock,
    request: TxnRequest<Input>,
    callOptions?: WriteOptions,
  ): Promise<TxnResponse<T>> {
    const condition: Condition = {
      key: Buffer.from(lock.key),
      target: 'create',
      result: '=',
      createRevision: lock.token,
    };
    const {own, fenced} = handle.begin(callOptions, optionNames.write, (read) => ({
      own: read,
      fenced: fencedTxn(encodeTxn(request), condition),
    }));
    checkTxn(fenced.request, options);
    if (!lock.isHeld()) throw lockLost(lock.name, lock.signal.reason);
    const response = fenced.read(await handle.txn(fenced.request, own));
    // The lock is another's, so nothing ran.
    if (response === undefined) throw lockLost(lock.name, undefined);
    return decodeTxnResponse(response, decoder);
  }

  async function distLock(name?: string, lockOptions?: DistLockOptions): Promise<DistLock<T>> {
    return withGuard(await locks.lock(lockRequest(name, lockOptions)));
  }

  async function distTimedLock(
    seconds: number,
    name?: string,
    lockOptions?: DistLockOptions,
  ): Promise<DistLock<T>> {
    const request = lockRequest(name, lockOptions);
    checkLockWait(seconds);
    return withGuard(await locks.lock({...request, waitMs: seconds * 1000}));
  }

  async function distUnlock(name = options.lockName): Promise<void> {
    handle.begin(undefined, [], () => checkLockName(name));
    await locks.unlock(name);
  }

  return {distLock, distTimedLock, distUnlock};
}

/** Reads how a caller wants to contend, for a lock or a leadership. @throws `KVI_INVALID_ARGUMENT` */
export function readContender(handle: Handle, name: string, value: Bytes, given: ContendOptions) {
  const {ttlSeconds = handle.options.ttlSeconds, signal, lease} = given;
  const session = handle.lentSession(lease, given.ttlSeconds);
  checkTxn(enqueueRequest(name, maxLeaseId, value), handle.options);
  checkTtl(ttlSeconds);
  return {value, ttlSeconds, signal, session};
}
