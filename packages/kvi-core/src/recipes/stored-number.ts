import type {TxnCallOptions, WriteOptions} from '../api/call-options.ts';
import {isAborted} from '../async/abort.ts';
import {backoffMs} from '../async/backoff.ts';
import {sleep} from '../async/clock.ts';
import {abortable, withDeadline} from '../async/deadline.ts';
import {type Deferred, deferred} from '../async/deferred.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {showValue} from '../etcd/bad-input.ts';
import {KviError} from '../etcd/errors.ts';
import type {KeyValue, TxnRequest} from '../etcd/messages.ts';
import {checkTxn} from '../etcd/validate.ts';
import type {Handle} from '../kvi/handle.ts';
import {sharedParts} from './shared-parts.ts';

/** A whole number that is stored as decimal text. An absent key is 0. */
export interface StoredNumber {
  /**
   * Replaces the number, if nobody else does meanwhile; otherwise it is changed again, from what it is then.
   *
   * @param step - what becomes of the number. May be called several times. What it throws refuses the change, once it was
   *   called with what is stored.
   * @returns the number that `step` made
   * @throws `KVI_INVALID_VALUE` if something else is stored; `KVI_UNKNOWN_OUTCOME` if no answer came, or the call was ended
   *   while its request was under way together with others; as {@link Kvi.txn}
   */
  change(step: (before: number) => number, options: WriteOptions): Promise<number>;
}

/** What was stored when it was seen last. */
interface Seen {
  /** 0: the key was absent. */
  modRevision: number;
  number: number;
}

/** A call that waits for its change. */
interface Call {
  readonly step: (before: number) => number;
  readonly options: WriteOptions;
  /** When it ends by itself, by the clock of the handle. */
  readonly deadline: number;
  /** How many other calls share the request that is under way for it; undefined while there is none. */
  others: number | undefined;
  /** What ended it, while its request goes on. */
  endedBy?: unknown;
  readonly result: Deferred<number>;
}

const numbers = sharedParts<StoredNumber>();

/** The number under a key. The changes that calls of one handle wait for are made together, in the order of the calls. */
export function storedNumber(handle: Handle, key: string): StoredNumber {
  return numbers(handle, key, () => createStoredNumber(handle, key));
}

function createStoredNumber(handle: Handle, key: string): StoredNumber {
  const {driver, closing} = handle;
  const {clock} = driver;
  const keyBytes = Buffer.from(key);
  checkTxn(replacing(keyBytes, 0, 0), handle.options);
  const calls = new Set<Call>();
  let isServing = false;
  let seen: Seen | undefined;

  async function change(step: Call['step'], given: WriteOptions): Promise<number> {
    const {timeoutMs = handle.options.timeoutMs, signal, ...others} = given;
    const result = deferred<number>();
    const options = {...others, signal};
    const call: Call = {step, options, deadline: clock.now() + timeoutMs, others: undefined, result};
    calls.add(call);
    if (!isServing) void serve();
    try {
      return await withDeadline(clock, {timeoutMs, signal, closing}, (ended) =>
        abortable(result.promise, ended),
      );
    } catch (error) {
      const endsWithItsRequest = call.others === 0 || (call.others !== undefined && isAborted(closing));
      if (!endsWithItsRequest && calls.delete(call)) {
        throw call.others === undefined ? error : endedUnderWay(key, error);
      }
      call.endedBy = error;
      return result.promise;
    }
  }

  async function serve(): Promise<void> {
    isServing = true;
    for (let conflicts = 0; calls.size > 0;) {
      const together = nextCalls();
      try {
        conflicts = (await changeOnce(together)) ? 0 : conflicts + 1;
      } catch (error) {
        seen = undefined;
        conflicts = 0;
        const sent = together.filter(({others}) => others !== undefined);
        for (const call of sent.length > 0 ? sent : together) refuse(call, error);
      }
      if (conflicts > 1) await pause(conflicts);
    }
    isServing = false;
  }

  /** Lets others get through. Those whose calls end meanwhile are told by themselves. */
  async function pause(conflicts: number): Promise<void> {
    await withDeadline(clock, {closing}, (ended) => sleep(clock, backoffMs(conflicts, 5, 500), ended)).catch(
      () => undefined,
    );
  }

  /** A call that has ended meanwhile is not told. */
  function settle(call: Call, tell: () => void): void {
    if (calls.delete(call)) tell();
  }

  function refuse(call: Call, error: unknown): void {
    settle(call, () => call.result.reject(error));
  }

  /** The first call, and those that may share its request. */
  function nextCalls(): Call[] {
    const [first] = calls;
    return Array.from(calls).filter(
      // Stryker disable OptionalChaining: there is a call, or this is not asked
      ({options}) =>
        options.retryPolicy === first?.options.retryPolicy &&
        options.onUnknownOutcome === first?.options.onUnknownOutcome,
      // Stryker restore OptionalChaining
    );
  }

  /** @returns false if others changed the number first */
  async function changeOnce(together: readonly Call[]): Promise<boolean> {
    const isReadNow = seen === undefined;
    seen ??= await read(together);
    const {modRevision} = seen;
    let number = seen.number;
    const steps: {call: Call; after: number}[] = [];
    // Stryker disable next-line ArrayDeclaration: what is no call is not told
    const refusals: {call: Call; error: unknown}[] = [];
    for (const call of together) {
      if (!calls.has(call)) continue;
      try {
        number = call.step(number);
        steps.push({call, after: number});
      } catch (error) {
        refusals.push({call, error});
      }
    }
    if (steps.length === 0) {
      // What was seen earlier may be out of date: it is read before anybody is refused.
      if (isReadNow) for (const {call, error} of refusals) refuse(call, error);
      else seen = undefined;
      return true;
    }
    for (const {call} of steps) call.others = steps.length - 1;
    const {succeeded, revision, responses} = await handle.txn(
      replacing(keyBytes, modRevision, number),
      optionsOf(steps.map(({call}) => call)),
    );
    if (succeeded) {
      seen = {modRevision: revision, number};
      for (const {call, after} of steps) settle(call, () => call.result.resolve(after));
      for (const {call, error} of refusals) refuse(call, error);
      return true;
    }
    for (const {call} of steps) {
      call.others = undefined;
      if (call.endedBy !== undefined) refuse(call, call.endedBy);
    }
    const [present] = responses;
    // Stryker disable next-line ConditionalExpression,OptionalChaining,ArrayDeclaration: a transaction answers each operation
    seen = numberOf(key, present?.type === 'range' ? present.kvs : []);
    return false;
  }

  async function read(together: readonly Call[]): Promise<Seen> {
    const {kvs} = await driver.range({key: keyBytes}, optionsOf(together));
    return numberOf(key, kvs);
  }

  /** Of a request for several calls: it lasts as long as one of them waits, and no signal of one ends it. */
  function optionsOf(together: readonly Call[]): TxnCallOptions {
    const [first] = together;
    const end = Math.max(...together.map(({deadline}) => deadline));
    // Stryker disable OptionalChaining: it is for one call at least
    return {
      ...first?.options,
      signal: together.length === 1 ? first?.options.signal : undefined,
      timeoutMs: Math.max(1, end - clock.now()),
      mayShareRevision: true,
    };
    // Stryker restore OptionalChaining
  }

  return {change};
}

/** Puts the number, and keeps the key's lease, if the key is as it was seen; otherwise reads it. */
function replacing(key: Bytes, modRevision: number, number: number): TxnRequest<Bytes> {
  return {
    compare: [{key, target: 'mod', result: '=', modRevision}],
    success: [{type: 'put', key, value: Buffer.from(String(number)), ignoreLease: modRevision > 0}],
    failure: [{type: 'range', key}],
  };
}

/** @throws `KVI_INVALID_VALUE` */
export function numberOf(key: string, [stored]: readonly KeyValue<Bytes>[]): Seen {
  if (stored === undefined) return {modRevision: 0, number: 0};
  const text = Buffer.from(stored.value).toString();
  const number = Number(text);
  if (!Number.isSafeInteger(number) || String(number) !== text) {
    const message = `the value of ${JSON.stringify(key)} is no whole number: ${showValue(text)}`;
    throw new KviError('KVI_INVALID_VALUE', message);
  }
  return {modRevision: stored.modRevision, number};
}

function endedUnderWay(key: string, cause: unknown): KviError {
  const message = `the change of ${JSON.stringify(key)} was ended while it was under way: it may have been made or not`;
  return new KviError('KVI_UNKNOWN_OUTCOME', message, {cause});
}
