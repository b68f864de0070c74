import type {CallOptions} from '../api/call-options.ts';
import type {Change, Changes, ChangeSet, ChangesOptions} from '../api/changes.ts';
import type {Keys} from '../api/keys.ts';
import type {WatchCallback, WatchHandle, WatchWithCBOptions} from '../api/watch-with-cb.ts';
import {turns} from '../async/turns.ts';
import {checkFunction} from '../etcd/bad-input.ts';
import {encode, type Input} from '../etcd/bytes.ts';
import {isKviError, type KviError} from '../etcd/errors.ts';
import {checkOneOf, checkWatch} from '../etcd/validate.ts';
import {type RevisionWatch, watchRevisions} from '../primitives/changes.ts';
import {firstChange} from '../primitives/first-change.ts';
import {decodeChanges, decodeEvent, type Decoder, encodeKeys} from './codec.ts';
import type {Handle} from './handle.ts';
import {optionNames} from './option-names.ts';

/** Calls what a caller passed. */
type CallbackRunner = <Args extends unknown[], R>(callee: (...args: Args) => R, ...args: Args) => R;

/** The methods of a handle that watch keys. */
export function watchMethods<T extends Input>(handle: Handle, decoder: Decoder<T>) {
  const {closing, driver, options, watches} = handle;

  async function watch(key: Input, callOptions?: CallOptions): Promise<Change<T>> {
    const change = await handle.begin(callOptions, optionNames.call, (own) => {
      const request = {key: encode(key, 'key')};
      checkWatch(request, options);
      return firstChange(driver, request.key, {...own, closing});
    });
    return decodeEvent(change, decoder);
  }

  async function watchWithCB<Op extends 'put' | 'delete', U>(
    key: Input,
    op: Op,
    callback: WatchCallback<T, Op, U>,
    userData: U,
    watchOptions?: WatchWithCBOptions,
    run: CallbackRunner = (callee, ...args) => callee(...args),
  ): Promise<WatchHandle> {
    const {request, onError, callOptions} = handle.begin(
      watchOptions,
      optionNames.watchWithCB,
      (own = {}) => {
        const {onError, ...callOptions} = own;
        const request = {key: encode(key, 'key')};
        checkWatch(request, options);
        checkOneOf('op', op, ['put', 'delete']);
        checkFunction('callback', callback);
        if (onError !== undefined) checkFunction('onError', onError);
        return {request, onError, callOptions};
      },
    );
    return watches.start(
      {
        ...request,
        op,
        callback(kv) {
          const value = op === 'put' ? decoder.value(kv) : undefined;
          // The compiler does not see that `op` chooses the type of the value.
          const valueOfOp = value as Parameters<typeof callback>[1];
          return run(callback, decoder.key(kv.key), valueOfOp, op, userData);
        },
        onError: onError && ((error) => run(onError, error)),
      },
      {timeoutMs: options.timeoutMs, ...callOptions, closing},
    );
  }

  async function watchCBCancel(watchHandle: WatchHandle): Promise<void> {
    await watches.cancel(watchHandle);
  }

  function changes(keys: Keys, changesOptions?: ChangesOptions): Changes<T> {
    try {
      return handle.begin(changesOptions, optionNames.changes, (own = {}) => {
        const {onCompacted = 'error'} = own;
        checkOneOf('onCompacted', onCompacted, ['error', 'resync']);
        const encoded = encodeKeys(keys);
        checkWatch({...own, ...encoded}, options);
        return decodedChanges(watchRevisions(driver, encoded, own), decoder);
      });
    } catch (error) {
      if (!isKviError(error)) throw error;
      return failedChanges(error);
    }
  }

  return {watch, watchWithCB, watchCBCancel, changes};
}

/** The changes as the caller reads them. Several calls of `next` may wait at once; each gets the change sets in turn. */
function decodedChanges<T extends Input>(revisions: RevisionWatch, decoder: Decoder<T>): Changes<T> {
  const inTurn = turns();

  async function next(): Promise<IteratorResult<ChangeSet<T>, undefined>> {
    const result = await revisions.next();
    if (result.done === true) return result;
    try {
      return {done: false, value: decodeChanges(result.value, decoder)};
    } catch (error) {
      // `for await` does not end what has thrown.
      await revisions.return();
      throw error;
    }
  }

  const changes: Changes<T> = {
    created: revisions.created,
    [Symbol.asyncIterator]: () => changes,
    next: () => inTurn(next),
    return: () => revisions.return(),
    async throw(error) {
      await revisions.return();
      throw error;
    },
    async [Symbol.asyncDispose]() {
      await revisions.return();
    },
  };
  return changes;
}

/** Changes that could not be asked for: the error comes where it is awaited, as from every other method. */
function failedChanges<T extends Input>(error: KviError): Changes<T> {
  const created = Promise.reject(error);
  created.catch(() => undefined);
  let pending: Promise<never> | undefined = created;
  const over = {done: true, value: undefined} as const;
  const changes: Changes<T> = {
    created,
    [Symbol.asyncIterator]: () => changes,
    async next() {
      const first = pending;
      pending = undefined;
      return first ?? over;
    },
    return: () => Promise.resolve(over),
    throw: (reason) => Promise.reject(reason as Error),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return changes;
}
