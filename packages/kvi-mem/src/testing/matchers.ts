import {isPromise} from 'node:util/types';
import {createKvi, isKviError, type Kvi, type KviErrorCode} from 'kvi-core';
import {Faults} from '../faults/faults.ts';
import {isMemStore} from '../mem-store.ts';
import {describeResources} from '../open-resource.ts';

/**
 * Matchers of `expect` for handles, stores and calls.
 *
 * An expected value may be text or an asymmetric matcher, such as
 * `expect.stringContaining('paid')`.
 */
export interface KviMatchers<R> {
  /**
   * A handle or a {@link MemStore} holds the key, with this value if one is given. Await it.
   *
   * ```ts
   * await expect(kv).toHaveKey('orders/1', 'placed');
   * await expect(kv).not.toHaveKey('orders/2');
   * ```
   */
  toHaveKey(key: string, value?: unknown): Promise<void>;
  /**
   * A handle or a {@link MemStore} holds these keys with these values, and no others. Await it.
   *
   * ```ts
   * await expect(kv).toHoldExactly({'orders/1': 'placed'}, {prefix: 'orders/'});
   * ```
   *
   * @param options.prefix only looks at keys with this prefix. Default: all.
   */
  toHoldExactly(contents: Readonly<Record<string, unknown>>, options?: {prefix?: string}): Promise<void>;
  /**
   * A promise rejects with a `KviError` of this code. Await it.
   *
   * ```ts
   * await expect(kv.distTimedLock(0, 'nightly')).toRejectWithCode('KVI_TIMEOUT');
   * ```
   */
  toRejectWithCode(code: KviErrorCode): Promise<void>;
  /** Nothing is open on a {@link MemStore}; see {@link MemStore.openResources}. */
  toHaveNoLeaks(): R;
}

/** The part of a matcher's `this` that is used here. Jest, vitest and the package `expect` provide it. */
export interface MatcherContext {
  isNot?: boolean | undefined;
  promise?: string | undefined;
  equals(a: unknown, b: unknown): boolean;
  utils: {
    matcherHint(
      name: string,
      received?: string,
      expected?: string,
      options?: {isNot?: boolean; promise?: string},
    ): string;
    printExpected(value: unknown): string;
    printReceived(value: unknown): string;
    diff(expected: unknown, received: unknown): string | null | undefined;
  };
}

interface Result {
  pass: boolean;
  message: () => string;
}

/** The matchers, for `expect.extend`. */
export const matchers = {
  async toHaveKey(this: MatcherContext, actual: unknown, key: string, value?: unknown): Promise<Result> {
    const contents = await contentsOf(actual);
    // Inherited properties such as "constructor" are not keys.
    const found = Object.hasOwn(contents, key) ? contents[key] : undefined;
    const wanted = value === undefined ? [key] : [key, value];
    return {
      pass: found !== undefined && (value === undefined || this.equals(found, value)),
      message: () =>
        explain(this, 'toHaveKey', [
          `Expected${this.isNot === true ? ' not' : ''}: ${wanted.map((part) => this.utils.printExpected(part)).join(': ')}`,
          found === undefined
            ? `Received no such key, but: ${this.utils.printReceived(Object.keys(contents).slice(0, 20))}`
            : `Received: ${[key, found].map((part) => this.utils.printReceived(part)).join(': ')}`,
        ]),
    };
  },

  async toHoldExactly(
    this: MatcherContext,
    actual: unknown,
    expected: Readonly<Record<string, unknown>>,
    {prefix = ''}: {prefix?: string} = {},
  ): Promise<Result> {
    const contents = await contentsOf(actual, prefix);
    return {
      pass: this.equals(contents, expected),
      message: () =>
        explain(this, 'toHoldExactly', [
          this.isNot === true
            ? `Expected anything but: ${this.utils.printExpected(expected)}`
            : (this.utils.diff(expected, contents) ?? ''),
        ]),
    };
  },

  async toRejectWithCode(this: MatcherContext, actual: unknown, code: KviErrorCode): Promise<Result> {
    if (!isPromise(actual)) {
      throw new TypeError('expect(...).toRejectWithCode() expects a promise: pass the call without await');
    }
    const outcome = await actual.then(
      (value: unknown) => ({value}),
      (error: unknown) => ({error}),
    );
    return {
      pass: 'error' in outcome && isKviError(outcome.error, code),
      message: () =>
        explain(this, 'toRejectWithCode', [
          `Expected${this.isNot === true ? ' not' : ''}: ${this.utils.printExpected(code)}`,
          'error' in outcome
            ? `Rejected: ${this.utils.printReceived(describeError(outcome.error))}`
            : `Resolved: ${this.utils.printReceived(outcome.value)}`,
        ]),
    };
  },

  toHaveNoLeaks(this: MatcherContext, actual: unknown): Result {
    if (!isMemStore(actual)) throw new TypeError('expect(...).toHaveNoLeaks() expects a MemStore');
    const open = actual.openResources();
    return {
      pass: open.length === 0,
      message: () => explain(this, 'toHaveNoLeaks', [describeResources(open)]),
    };
  },
};

/** The keys and values, as text. */
async function contentsOf(actual: unknown, prefix = ''): Promise<Record<string, string>> {
  if (isMemStore(actual)) {
    // With its own plan of faults: that of the store is for the service's calls.
    await using kv = createKvi(actual.driver({faults: new Faults()}));
    return await contentsOf(kv, prefix);
  }
  if (!isKvi(actual)) throw new TypeError('this matcher expects a handle of kvi or a MemStore');
  // As bytes, so that one value that is not text does not hide the others.
  const kvs = await actual.bytes.getRange({prefix});
  return Object.fromEntries(kvs.map(({key, value}) => [toText(key), toText(value)]));
}

function isKvi(actual: unknown): actual is Kvi {
  return typeof actual === 'object' && actual !== null && 'bytes' in actual && 'getRange' in actual;
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function describeError(error: unknown): unknown {
  return isKviError(error) ? `${error.code}: ${error.message}` : error;
}

/** A failure as runners show it: the call, then what was expected and what was found. */
function explain(
  {utils, isNot = false, promise = ''}: MatcherContext,
  name: string,
  lines: string[],
): string {
  return [utils.matcherHint(name, undefined, undefined, {isNot, promise}), '', ...lines].join('\n');
}
