import type {CallOptions} from '../api/call-options.ts';
import type {Change, Changes, ChangeSet, ChangesOptions} from '../api/changes.ts';
import type {Keys} from '../api/keys.ts';
import type {WatchCallback, WatchHandle, WatchWithCBOptions} from '../api/watch-with-cb.ts';
import {encode, type Input} from '../etcd/bytes.ts';
import {invalidArgument} from '../etcd/errors.ts';
import {checkOneOf, checkWatch} from '../etcd/validate.ts';
import {watchRevisions} from '../primitives/changes.ts';
import {firstChange} from '../primitives/first-change.ts';
import {decodeChanges, decodeEvent, type Decoder, encodeKeys} from './codec.ts';
import type {Handle} from './handle.ts';

/** Calls what a caller passed. */
type CallbackRunner = <Args extends unknown[], R>(callee: (...args: Args) => R, ...args: Args) => R;

/** The methods of a handle that watch keys. */
export function watchMethods<T extends Input>(handle: Handle, decoder: Decoder<T>) {
  const {closing, driver, options, watches} = handle;

  async function watch(key: Input, callOptions: CallOptions = {}): Promise<Change<T>> {
    handle.check(callOptions);
    const request = {key: encode(key, 'key')};
    checkWatch(request, options);
    return decodeEvent(await firstChange(driver, request.key, {...callOptions, closing}), decoder);
  }

  async function watchWithCB<Op extends 'put' | 'delete', U>(
    key: Input,
    op: Op,
    callback: WatchCallback<T, Op, U>,
    userData: U,
    watchOptions: WatchWithCBOptions = {},
    run: CallbackRunner = (callee, ...args) => callee(...args),
  ): Promise<WatchHandle> {
    handle.check(watchOptions);
    const {onError, ...callOptions} = watchOptions;
    const request = {key: encode(key, 'key')};
    checkWatch(request, options);
    checkOneOf('op', op, ['put', 'delete']);
    if (typeof callback !== 'function') throw invalidArgument('callback must be a function');
    if (onError !== undefined && typeof onError !== 'function') {
      throw invalidArgument('onError must be a function');
    }
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

  function changes(keys: Keys, changesOptions: ChangesOptions = {}): Changes<T> {
    handle.check(changesOptions);
    checkOneOf('onCompacted', changesOptions.onCompacted ?? 'error', ['error', 'resync']);
    const encoded = encodeKeys(keys);
    checkWatch({...changesOptions, ...encoded}, options);
    const revisions = watchRevisions(driver, encoded, changesOptions);

    const decoded: Changes<T> = {
      created: revisions.created,
      [Symbol.asyncIterator]: () => decoded,
      async next(): Promise<IteratorResult<ChangeSet<T>, undefined>> {
        const result = await revisions.next();
        if (result.done === true) return result;
        try {
          return {done: false, value: decodeChanges(result.value, decoder)};
        } catch (error) {
          // `for await` does not end what has thrown.
          await revisions.return();
          throw error;
        }
      },
      return: () => revisions.return(),
      async [Symbol.asyncDispose]() {
        await revisions.return();
      },
    };
    return decoded;
  }

  return {watch, watchWithCB, watchCBCancel, changes};
}
