import {allowManyListeners, onAbort} from '../async/abort.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {closed, isKviError, KviError} from '../etcd/errors.ts';
import {everyKey, includesKey, isEndless, joinKey, prefixEnd} from '../etcd/key-range.ts';
import type {
  Compare,
  KeyRange,
  KeyValue,
  RequestOp,
  ResponseOp,
  TxnRequest,
  TxnResponse,
  WatchResponse,
} from '../etcd/messages.ts';
import type {Driver, DriverWatch, TxnOptions} from './driver.ts';

/**
 * A part of a store: the keys that start with a prefix, without it. The key that equals the prefix is outside. Leases,
 * revisions and the history belong to the whole store.
 *
 * Closing it ends what was begun through it, and leaves the driver open. Watches that it ends keep nothing for their
 * consumers.
 *
 * @param prefix - not empty
 * @see `client/v3/namespace` in etcd
 */
export function namespaced(driver: Driver, prefix: Bytes): Driver {
  const {clock} = driver;
  const end = prefixEnd(prefix);
  const everything = enter(everyKey);
  const over = new AbortController();
  allowManyListeners(over.signal);

  /** Every range stays inside, also one to the end of the keyspace. */
  function enter<R extends KeyRange<Bytes>>(request: R): R {
    const {key, rangeEnd} = request;
    const inside = {...request, key: joinKey(prefix, key)};
    if (rangeEnd === undefined || rangeEnd.length === 0) return inside;
    return {...inside, rangeEnd: isEndless(rangeEnd) ? end : joinKey(prefix, rangeEnd)};
  }

  function enterTxn({compare, success, failure}: TxnRequest<Bytes>): TxnRequest<Bytes> {
    return {
      compare: compare?.map((item): Compare<Bytes> => enter(item)),
      success: success?.map(enterOp),
      failure: failure?.map(enterOp),
    };
  }

  function enterOp(op: RequestOp<Bytes>): RequestOp<Bytes> {
    switch (op.type) {
      case 'txn':
        return {type: 'txn', ...enterTxn(op)};
      case 'put':
        return {...op, key: joinKey(prefix, op.key)};
      default:
        return enter(op);
    }
  }

  function leave(kv: KeyValue<Bytes>): KeyValue<Bytes> {
    return {...kv, key: kv.key.subarray(prefix.length)};
  }

  function leaveAll<R extends {kvs: KeyValue<Bytes>[]}>(response: R): R {
    return {...response, kvs: response.kvs.map(leave)};
  }

  function leaveTxn(response: TxnResponse<Bytes>): TxnResponse<Bytes> {
    return {...response, responses: response.responses.map(leaveOp)};
  }

  function leaveOp(response: ResponseOp<Bytes>): ResponseOp<Bytes> {
    switch (response.type) {
      case 'range':
        return leaveAll(response);
      case 'put':
        return response.prevKv === undefined ? response : {...response, prevKv: leave(response.prevKv)};
      case 'deleteRange':
        return {...response, prevKvs: response.prevKvs.map(leave)};
      case 'txn':
        return {type: 'txn', ...leaveTxn(response)};
    }
  }

  function leaveEvents(response: WatchResponse<Bytes>): WatchResponse<Bytes> {
    const events = response.events.map(({type, kv, prevKv}) =>
      prevKv === undefined ? {type, kv: leave(kv)} : {type, kv: leave(kv), prevKv: leave(prevKv)},
    );
    return {...response, events};
  }

  /** Makes a call that ends when the namespace closes. */
  async function call<R>(
    options: TxnOptions | undefined,
    send: (options: TxnOptions) => Promise<R>,
  ): Promise<R> {
    if (over.signal.aborted) throw closed();
    const {signal, stop} = untilOver(options?.signal);
    try {
      return await send({...options, signal});
    } catch (error) {
      throw toldClosed(error, signal);
    } finally {
      stop();
    }
  }

  /** A signal that aborts when the caller's does, or when the namespace closes. */
  function untilOver(callers: AbortSignal | undefined): {signal: AbortSignal; stop: () => void} {
    if (callers === undefined) return {signal: over.signal, stop: () => undefined};
    const ended = new AbortController();
    const stop = onAbort([callers, over.signal], (reason) => ended.abort(reason));
    return {signal: ended.signal, stop};
  }

  /** What the closing of the namespace aborted was closed. */
  function toldClosed(error: unknown, signal: AbortSignal): unknown {
    if (!signal.aborted || signal.reason !== over.signal.reason) return error;
    if (isKviError(error, 'KVI_ABORTED')) return closed();
    const isCutShort = isKviError(error, 'KVI_UNKNOWN_OUTCOME') && isKviError(error.cause, 'KVI_ABORTED');
    return isCutShort ? new KviError('KVI_UNKNOWN_OUTCOME', error.message, {cause: closed()}) : error;
  }

  function watchInside(watch: DriverWatch): DriverWatch {
    /** What the consumer has to be told: that the namespace ended the watch. */
    let untold: KviError | undefined;
    const stop = onAbort(over.signal, () => {
      untold = closed();
      void watch.return();
    });
    const created = watch.created.catch((error: unknown) => {
      throw untold ?? error;
    });
    created.catch(() => undefined);

    async function next(): Promise<IteratorResult<WatchResponse<Bytes>, undefined>> {
      try {
        const result = await watch.next();
        if (result.done !== true) return {done: false, value: leaveEvents(result.value)};
      } catch (error) {
        stop();
        throw error;
      }
      stop();
      const error = untold;
      untold = undefined;
      if (error !== undefined) throw error;
      return {done: true, value: undefined};
    }

    const inside: DriverWatch = {
      created,
      [Symbol.asyncIterator]: () => inside,
      next,
      requestProgress: () => watch.requestProgress(),
      return() {
        stop();
        untold = undefined;
        return watch.return();
      },
    };
    return inside;
  }

  return {
    clock,
    range: (request, options) =>
      call(options, async (limits) => leaveAll(await driver.range(enter(request), limits))),
    txn: (request, options) =>
      call(options, async (limits) => leaveTxn(await driver.txn(enterTxn(request), limits))),
    compact: (request, options) => call(options, (limits) => driver.compact(request, limits)),
    leaseGrant: (request, options) => call(options, (limits) => driver.leaseGrant(request, limits)),
    leaseRevoke: (id, options) => call(options, (limits) => driver.leaseRevoke(id, limits)),
    leaseKeepAlive: (id, options) => call(options, (limits) => driver.leaseKeepAlive(id, limits)),
    leaseTimeToLive: (request, options) =>
      call(options, async (limits) => {
        const response = await driver.leaseTimeToLive(request, limits);
        const inside = response.keys.filter((key) => includesKey(everything, key));
        return {...response, keys: inside.map((key) => key.subarray(prefix.length))};
      }),
    leaseLeases: (options) => call(options, (limits) => driver.leaseLeases(limits)),
    status: (options) => call(options, (limits) => driver.status(limits)),
    watch: (request, options) => watchInside(driver.watch(enter(request), options)),
    close() {
      over.abort(closed());
      return Promise.resolve();
    },
  };
}
