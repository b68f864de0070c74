import type {WriteOptions} from '../api/call-options.ts';
import type {DistLock, DistLockOptions} from '../api/dist-lock.ts';
import type {Input} from '../etcd/bytes.ts';
import type {TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {asTxnResponse} from '../etcd/txn-shape.ts';
import {checkRange, checkTxn} from '../etcd/validate.ts';
import {type HeldLock, lockLost} from '../primitives/lock-table.ts';
import {type Decoder, decodeTxnResponse, encodeTxn} from './codec.ts';
import type {Handle} from './handle.ts';
import {checkLockName, checkLockWait, checkTtl} from './options.ts';

/** The methods of a handle that take and release locks. */
export function lockMethods<T extends Input>(handle: Handle, decoder: Decoder<T>) {
  const {locks, options} = handle;

  function lockRequest(name = options.lockName, lockOptions: DistLockOptions = {}) {
    handle.check(lockOptions);
    const {ttlSeconds = options.ttlSeconds, signal} = lockOptions;
    checkLockName(name);
    checkRange({key: Buffer.from(name)}, options);
    checkTtl(ttlSeconds);
    return {name, ttlSeconds, signal};
  }

  function withGuard(lock: HeldLock): DistLock<T> {
    return {...lock, guard: (request, callOptions) => guard(lock, request, callOptions)};
  }

  /** The transaction, nested in one that compares the fencing token. */
  async function guard(
    lock: HeldLock,
    request: TxnRequest<Input>,
    callOptions?: WriteOptions,
  ): Promise<TxnResponse<T>> {
    handle.check(callOptions);
    if (!lock.isHeld()) throw lockLost(lock.name, lock.signal.reason);
    const fenced = encodeTxn({
      compare: [{key: lock.key, target: 'create', result: '=', createRevision: lock.token}],
      success: [{type: 'txn', ...request}],
    });
    checkTxn(fenced, options);
    const {responses} = await handle.txn(fenced, callOptions);
    const [response] = responses;
    // If the lock is another's, nothing ran, so there is no response.
    if (response?.type !== 'txn') throw lockLost(lock.name, undefined);
    return decodeTxnResponse(asTxnResponse(response), decoder);
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
    handle.check();
    checkLockName(name);
    await locks.unlock(name);
  }

  return {distLock, distTimedLock, distUnlock};
}
