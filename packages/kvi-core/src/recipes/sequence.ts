import type {WriteOptions} from '../api/call-options.ts';
import type {Kvi} from '../api/kvi.ts';
import {backoffMs} from '../async/backoff.ts';
import {callTime} from '../async/call-time.ts';
import {sleep} from '../async/clock.ts';
import {withDeadline} from '../async/deadline.ts';
import {checkNames, checkPositiveInteger, reading, showValue} from '../etcd/bad-input.ts';
import type {Input} from '../etcd/bytes.ts';
import {invalidArgument, isKviError, KviError, refusalOf} from '../etcd/errors.ts';
import type {Handle} from '../kvi/handle.ts';
import {insideOf} from '../kvi/inside.ts';
import {optionNames} from '../kvi/option-names.ts';
import {checkLockName} from '../kvi/options.ts';
import {storedNumber} from './stored-number.ts';

/** Options of {@link sequence}. */
export interface SequenceOptions {
  /**
   * How many numbers a handle reserves at a time. 1 leaves no gaps; more of them cost less, and those that a handle has not
   * used when it is closed are skipped. Default 1.
   */
  block?: number | undefined;
}

/** A sequence; see {@link sequence}. */
export interface Sequence {
  readonly name: string;
  /**
   * Takes the next number. The first is 1. No number is ever taken twice.
   *
   * With a `block` of 1 everywhere, each number is one more than the one before, and a call that begins when another has
   * returned gets a higher number, in any process. With larger blocks, numbers rise on one handle, and are skipped. A block
   * is reserved for all calls of the handle, with the handle's `retryPolicy` and `onUnknownOutcome`.
   *
   * @throws `KVI_OUT_OF_RANGE` after 2^53-1; `KVI_INVALID_VALUE` if anything but a whole number, 0 or more, is stored;
   *   `KVI_TIMEOUT` also when others were faster each time. `KVI_UNKNOWN_OUTCOME` if no answer came, with a `block` of 1: a
   *   number may be skipped, unless `onUnknownOutcome: 'resolve'` is passed; as {@link Kvi.txn}
   */
  next(options?: WriteOptions): Promise<number>;
}

/** Numbers that a handle has reserved: above `last`, up to `end`. */
interface Block {
  last: number;
  end: number;
  /** How many reservations in a row got no answer. */
  failures: number;
  /** Another block is being reserved. */
  reserving?: Promise<void> | undefined;
}

/** The blocks of each handle, by the names of their sequences. */
const blocks = new WeakMap<Handle, Map<string, Block>>();

/**
 * Numbers for invoices, orders and the like, each taken once by all processes together. The number that was taken last is
 * stored as decimal text, under the name of the sequence as the key; to begin elsewhere, store it.
 *
 * ```ts
 * const number = await sequence(kv, 'invoice').next();
 * ```
 *
 * @throws `KVI_INVALID_ARGUMENT` for an empty name, an option that is out of bounds, or what is no handle of kvi's
 */
export function sequence(kv: Kvi<Input>, name: string, options: SequenceOptions = {}): Sequence {
  const {handle} = insideOf(kv);
  const {driver, closing} = handle;
  const {clock} = driver;
  checkLockName(name, "a sequence's");
  const block = reading(() => readBlock(options));
  const number = storedNumber(handle, name);

  async function next(given?: WriteOptions): Promise<number> {
    const own = handle.begin(given, optionNames.write, (read = {}) => read);
    if (block === 1) return number.change((before) => advance(name, before, 1), own);
    const {timeoutMs = handle.options.timeoutMs, signal} = own;
    const time = callTime(clock, {timeoutMs, signal, closing});
    const reserved = blockOf(handle, name);
    while (reserved.last === reserved.end) {
      reserved.reserving ??= reserve(reserved).finally(() => (reserved.reserving = undefined));
      const {reserving} = reserved;
      await time.run(() => reserving);
    }
    reserved.last += 1;
    return reserved.last;
  }

  /**
   * Reserves a block; for all who wait, so none of their options counts. One that got no answer is skipped: whoever still
   * waits has another reserved.
   */
  async function reserve(reserved: Block): Promise<void> {
    let last = 0;
    try {
      const end = await number.change((before) => {
        last = before;
        return advance(name, before, block);
      }, {});
      Object.assign(reserved, {last, end, failures: 0});
    } catch (error) {
      if (!isKviError(error, 'KVI_UNKNOWN_OUTCOME', 'KVI_TIMEOUT') || refusalOf(error) !== undefined)
        throw error;
      reserved.failures += 1;
      const pauseMs = backoffMs(reserved.failures);
      await withDeadline(clock, {closing}, (ended) => sleep(clock, pauseMs, ended));
    }
  }

  return {name, next};
}

function readBlock(given: SequenceOptions): number {
  if (typeof given !== 'object' || given === null) {
    throw invalidArgument(`options must be an object, not ${showValue(given)}`);
  }
  const {block = 1} = given;
  checkNames('option', given, ['block']);
  checkPositiveInteger('block', block);
  return block;
}

function blockOf(handle: Handle, name: string): Block {
  const ofHandle = blocks.get(handle) ?? new Map<string, Block>();
  blocks.set(handle, ofHandle);
  const block = ofHandle.get(name) ?? {last: 0, end: 0, failures: 0};
  ofHandle.set(name, block);
  return block;
}

/** Goes on by `count`, or as far as numbers go. */
function advance(name: string, last: number, count: number): number {
  if (last < 0) {
    const message = `the sequence ${JSON.stringify(name)} cannot go on from ${last}, which is below 0`;
    throw new KviError('KVI_INVALID_VALUE', message);
  }
  if (last === Number.MAX_SAFE_INTEGER) {
    throw new KviError(
      'KVI_OUT_OF_RANGE',
      `the sequence ${JSON.stringify(name)} has no number after ${last}`,
    );
  }
  return Math.min(last + count, Number.MAX_SAFE_INTEGER);
}
