/**
 * Service discovery in the layout of etcd's Go client, `client/v3/naming/endpoints`: what is registered here, a Go gRPC
 * client finds at `etcd:///<target>`, and the other way round.
 */
import {isDeepStrictEqual} from 'node:util';
import type {Kvi} from '../api/kvi.ts';
import type {TempKeyOptions} from '../api/temp-key.ts';
import {onAbort} from '../async/abort.ts';
import {type Iteration, newest} from '../async/newest.ts';
import {checkText, showValue} from '../etcd/bad-input.ts';
import type {Input} from '../etcd/bytes.ts';
import {aborted, closed, invalidArgument} from '../etcd/errors.ts';
import {insideOf} from '../kvi/inside.ts';
import {readTempKey} from '../kvi/temp-keys.ts';
import {decodeInstances, encodeInstance, type Instance} from './instance.ts';
import {listAndWatch} from './list-and-watch.ts';

/** What {@link register} is told about an instance. */
export interface RegisterOptions extends Omit<TempKeyOptions, 'value' | 'retryPolicy'> {
  /** Where the instance listens: `host:port`, or whatever its clients understand. */
  addr: string;
  /** Anything that JSON can hold. Default: `null`. Go's resolver ignores it from etcd 3.7 on. */
  metadata?: unknown;
}

/** A registration. */
export interface Registration extends AsyncDisposable {
  /** The address that is registered. */
  readonly addr: string;
  /** Its key, `<target>/<addr>`. */
  readonly key: string;
  /**
   * Aborts when the address is no longer registered by this: with `KVI_KEY_LOST` if another registration replaced it, its
   * key was deleted or overwritten, or the `lease` that was passed was lost; with `KVI_CLOSED` if it, the handle or that
   * lease was closed here, which is no loss.
   */
  readonly signal: AbortSignal;
  /**
   * Takes the instance off the list; its replacement stays. Closing twice is fine.
   *
   * @throws `KVI_UNAVAILABLE` and the like if the store could not be told; the instance is off the list within its TTL then
   */
  close(): Promise<void>;
}

/** Options of {@link discover}. */
export interface DiscoverOptions {
  /** Ends the iteration with `KVI_ABORTED`. */
  signal?: AbortSignal | undefined;
}

/**
 * The live instances of a service, by address, as they come and go. Read it with `for await`; leaving the loop ends it, and
 * so does the end of an `await using` block.
 */
export type Discovery = Iteration<ReadonlyMap<string, Instance>>;

// Stryker disable BooleanLiteral: only the names count
const registerOptionNames = Object.keys({
  addr: true,
  metadata: true,
  ttlSeconds: true,
  lease: true,
  timeoutMs: true,
  signal: true,
} satisfies Record<keyof RegisterOptions, true>);
// Stryker restore BooleanLiteral

/**
 * Lists an instance of a service: it is found by {@link discover}, and by Go's gRPC clients, as long as the result exists.
 * It is kept alive in the background, listed again if its lease was lost while the process lives, and gone at once on
 * `close()` and within `ttlSeconds` after a crash.
 *
 * Registering an address that is registered already, by this handle or another, replaces the earlier registration without
 * a gap, and aborts its `signal` with `KVI_KEY_LOST`. To change the metadata, register again. (With one `lease` for both,
 * the earlier one is taken off the list first.)
 *
 * ```ts
 * await using entry = await register(kv, 'checkout', {addr: '10.0.0.1:8080', metadata: {zone: 'a'}});
 * ```
 *
 * @param target - the name of the service: a text that is not empty and does not end in a slash. Whatever is below
 *   `<target>/` counts as one of its instances, as in Go, so do not name one service `a` and another `a/b`.
 * @param options - `ttlSeconds` defaults to the handle's, and `timeoutMs` limits the wait until the instance is listed
 * @throws `KVI_INVALID_ARGUMENT`, also for metadata that JSON cannot hold; `KVI_ABORTED`, `KVI_TIMEOUT`, `KVI_CLOSED`,
 *   after which it is not listed; `KVI_KEY_LOST` if another call of this handle with the same `lease` replaced it meanwhile;
 *   `KVI_LEASE_NOT_FOUND` if the `lease` has ended; what else a write throws
 * @see https://github.com/etcd-io/etcd/blob/main/client/v3/naming/endpoints/endpoints_impl.go
 */
export async function register(
  kv: Kvi<Input>,
  target: string,
  options: RegisterOptions,
): Promise<Registration> {
  const {handle} = insideOf(kv);
  const {addr, key, request, wait} = handle.begin(options, registerOptionNames, (own) => {
    if (own === undefined) throw invalidArgument('pass the address to register: {addr}');
    const {addr, metadata, ...tempKeyOptions} = own;
    checkText('addr', addr);
    const key = prefixOf(target) + addr;
    return {
      addr,
      key,
      ...readTempKey(handle, key, {...tempKeyOptions, value: encodeInstance(addr, metadata)}),
    };
  });
  const kept = await handle.tempKeys.keep({...request, replaces: true}, wait);
  return {addr, key, ...kept};
}

/**
 * Follows the live instances of a service: first those that are there, even if there are none, then all of them again
 * whenever one comes, goes or changes. Each map is a new one, and never changes; an instance that stays as it was is the same
 * object in each. A slow consumer gets the newest state, and not those in between.
 *
 * It reads the present state again where changes were compacted away, and goes on by itself, with what it showed last, while
 * the store cannot be reached.
 *
 * ```ts
 * for await (const instances of discover(kv, 'checkout')) console.log([...instances.keys()]);
 * ```
 *
 * What does not decode as a Go client would decode it, or has no address, is not an instance. Of two keys with one address
 * the one that was written last counts.
 *
 * @param target - as in {@link register}
 * @returns ends with `KVI_INVALID_ARGUMENT`, `KVI_ABORTED`, `KVI_CLOSED`, `KVI_PERMISSION_DENIED` or
 *   `KVI_UNAUTHENTICATED`, and never by itself
 */
export function discover(kv: Kvi<Input>, target: string, options?: DiscoverOptions): Discovery {
  const over = new AbortController();
  const shown = newest<ReadonlyMap<string, Instance>>(() => over.abort());

  async function run(): Promise<void> {
    const {handle} = insideOf(kv);
    const {prefix, signal} = handle.begin(options, ['signal'], (own) => ({
      prefix: prefixOf(target),
      signal: own?.signal,
    }));
    const ignoreSignal = onAbort(signal, () => shown.end(aborted(signal)));
    const ignoreClosing = onAbort(handle.closing, () => shown.end(closed()));
    try {
      let last: ReadonlyMap<string, Instance> | undefined;
      const until = {signal: over.signal, maySkip: true};
      for await (const {state} of listAndWatch(handle.driver.clock, kv.bytes, {prefix}, until)) {
        shown.put(() => {
          const instances = decodeInstances(state.values());
          if (last !== undefined && isSame(instances, last)) return undefined;
          last = instances;
          return instances;
        });
      }
    } finally {
      ignoreSignal();
      ignoreClosing();
    }
  }

  run().catch(shown.end);
  return shown.iteration;
}

function isSame(one: ReadonlyMap<string, Instance>, other: ReadonlyMap<string, Instance>): boolean {
  if (one.size !== other.size) return false;
  for (const [addr, instance] of one) {
    const found = other.get(addr);
    // What has not been written since is the same object.
    if (instance !== found && !isDeepStrictEqual(instance, found)) return false;
  }
  return true;
}

/** The prefix of a target's keys. @throws `KVI_INVALID_ARGUMENT` */
function prefixOf(target: string): string {
  checkText('the target', target);
  // `checkout/` would be another service than `checkout`, and one of its instances.
  if (target.endsWith('/')) throw invalidArgument(`the target must not end in a slash: ${showValue(target)}`);
  return `${target}/`;
}
