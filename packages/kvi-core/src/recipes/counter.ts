import type {CallOptions, WriteOptions} from '../api/call-options.ts';
import type {Kvi} from '../api/kvi.ts';
import {showValue} from '../etcd/bad-input.ts';
import type {Input} from '../etcd/bytes.ts';
import {invalidArgument, KviError} from '../etcd/errors.ts';
import {insideOf} from '../kvi/inside.ts';
import {optionNames} from '../kvi/option-names.ts';
import {checkLockName} from '../kvi/options.ts';
import {numberOf, storedNumber} from './stored-number.ts';

/** A counter; see {@link counter}. */
export interface Counter {
  readonly name: string;
  /**
   * Adds to the counter. Calls that are made at once on one handle are sent together.
   *
   * @param amount - a whole number, below 0 to subtract. Default 1.
   * @returns what the counter is then
   * @throws `KVI_OUT_OF_RANGE` if it would go beyond 2^53-1, either way; `KVI_INVALID_VALUE` if something else than a whole
   *   number is stored; `KVI_TIMEOUT` also when others were faster each time. `KVI_UNKNOWN_OUTCOME` if no answer came: adding
   *   again may add twice, unless `onUnknownOutcome: 'resolve'` is passed; as {@link Kvi.txn}
   */
  add(amount?: number, options?: WriteOptions): Promise<number>;
  /**
   * Reads the counter.
   *
   * @returns 0 if nothing has been added
   * @throws `KVI_INVALID_VALUE` if something else than a whole number is stored; as {@link Kvi.get}
   */
  get(options?: CallOptions): Promise<number>;
}

/**
 * A counter that all processes share. It is stored as decimal text, under its name as the key; to set it, store that.
 *
 * ```ts
 * await counter(kv, 'hits').add(1);
 * ```
 *
 * @throws `KVI_INVALID_ARGUMENT` for an empty name, or what is no handle of kvi's
 */
export function counter(kv: Kvi<Input>, name: string): Counter {
  const {handle} = insideOf(kv);
  checkLockName(name, "a counter's");
  const number = storedNumber(handle, name);

  async function add(amount = 1, options?: WriteOptions): Promise<number> {
    const own = handle.begin(options, optionNames.write, (read = {}) => {
      checkWholeNumber('amount', amount);
      return read;
    });
    return number.change((before) => {
      const after = before + amount;
      if (!Number.isSafeInteger(after)) throw outOfRange(name, before, amount);
      return after;
    }, own);
  }

  async function get(options?: CallOptions): Promise<number> {
    const own = handle.begin(options, optionNames.call, (read) => read);
    const {kvs} = await handle.driver.range({key: Buffer.from(name)}, own);
    return numberOf(name, kvs).number;
  }

  return {name, add, get};
}

function checkWholeNumber(what: string, value: number): void {
  if (!Number.isSafeInteger(value)) {
    throw invalidArgument(`${what} must be a whole number, not ${showValue(value)}`);
  }
}

function outOfRange(name: string, before: number, amount: number): KviError {
  const message = `the counter ${JSON.stringify(name)} is ${before}, and cannot be changed by ${amount}: it would go beyond 2^53-1`;
  return new KviError('KVI_OUT_OF_RANGE', message);
}
