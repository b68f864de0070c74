/**
 * Service discovery in the layout of etcd's Go client, `client/v3/naming/endpoints`: what is registered here, a Go gRPC
 * client finds at `etcd:///<target>`, and the other way round.
 */
import {isDeepStrictEqual} from 'node:util';
import type {Kvi} from '../api/kvi.ts';
import type {TempKeyOptions} from '../api/temp-key.ts';
import {onAbort} from '../async/abort.ts';
import type {Clock} from '../async/clock.ts';
import {type Iteration, newest} from '../async/newest.ts';
import {retryUntil} from '../async/retry-until.ts';
import {showValue} from '../etcd/bad-input.ts';
import {type Bytes, decodeUtf8, type Input} from '../etcd/bytes.ts';
import {aborted, closed, invalidArgument, isKviError} from '../etcd/errors.ts';
import {keyId} from '../etcd/key-range.ts';
import type {KeyValue} from '../etcd/messages.ts';
import {insideOf} from '../kvi/inside.ts';
import {readTempKey} from '../kvi/temp-keys.ts';

/** An instance of a service. */
export interface Instance {
  /** Where it listens, as it registered: `10.0.0.1:8080`. */
  readonly addr: string;
  /** What it says about itself, which may be any JSON. `null` if it says nothing. */
  readonly metadata: unknown;
  /** The key that it is registered under: `<target>/<addr>`, though a Go client may choose another below the target. */
  readonly key: string;
}

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

const registerOptionNames = Object.keys({
  addr: true,
  metadata: true,
  ttlSeconds: true,
  lease: true,
  timeoutMs: true,
  signal: true,
} satisfies Record<keyof RegisterOptions, true>);

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
 * whenever one comes, goes or changes. Each map is a new one, and never changes. A consumer that is slow gets the newest
 * state, and not those in between.
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
  const states = newest<ReadonlyMap<string, Instance>>(() => over.abort());

  async function run(): Promise<void> {
    const {handle} = insideOf(kv);
    const {prefix, signal} = handle.begin(options, ['signal'], (own) => ({
      prefix: prefixOf(target),
      signal: own?.signal,
    }));
    const ignoreSignal = onAbort(signal, () => states.end(aborted(signal)));
    const ignoreClosing = onAbort(handle.closing, () => states.end(closed()));
    try {
      await follow(handle.driver.clock, kv.bytes, prefix, over.signal, states.put);
    } finally {
      ignoreSignal();
      ignoreClosing();
    }
  }

  run().catch(states.end);
  return states.iteration;
}

/** Shows the instances below a prefix, again whenever they differ from those that were shown last, until `over`. */
async function follow(
  clock: Clock,
  kv: Kvi<Bytes>,
  prefix: string,
  over: AbortSignal,
  show: (instances: ReadonlyMap<string, Instance>) => void,
): Promise<void> {
  let shown: ReadonlyMap<string, Instance> | undefined;

  function showChanged(entries: Iterable<KeyValue<Bytes>>): void {
    const instances = decodeInstances(entries);
    if (isDeepStrictEqual(instances, shown)) return;
    shown = instances;
    show(instances);
  }

  for (;;) {
    const {kvs, revision} = await retryUntil(
      clock,
      over,
      () => kv.range({prefix}, {signal: over}),
      (error) => isKviError(error, 'KVI_UNAVAILABLE', 'KVI_TIMEOUT'),
    );
    const entries = new Map(kvs.map((entry) => [keyId(entry.key), entry]));
    showChanged(entries.values());
    try {
      for await (const {events} of kv.changes({prefix}, {startRevision: revision + 1, signal: over})) {
        for (const event of events) {
          if (event.type === 'put') entries.set(keyId(event.key), event);
          else entries.delete(keyId(event.key));
        }
        showChanged(entries.values());
      }
    } catch (error) {
      // Changes are missing. Whatever they were, the present state is all that counts.
      if (!isKviError(error, 'KVI_COMPACTED', 'KVI_SLOW_CONSUMER')) throw error;
    }
  }
}

/** The prefix of a target's keys. @throws `KVI_INVALID_ARGUMENT` */
function prefixOf(target: string): string {
  checkText('the target', target);
  // `checkout/` would be another service than `checkout`, and one of its instances.
  if (target.endsWith('/')) throw invalidArgument(`the target must not end in a slash: ${showValue(target)}`);
  return `${target}/`;
}

/** @throws `KVI_INVALID_ARGUMENT` */
function checkText(what: string, text: unknown): void {
  if (typeof text !== 'string' || text === '' || !text.isWellFormed()) {
    throw invalidArgument(`${what} must be a text that is not empty, not ${showValue(text)}`);
  }
}

/**
 * What Go's `json.Marshal` writes of an `Update`, byte for byte.
 *
 * @see https://github.com/etcd-io/etcd/blob/main/client/v3/naming/endpoints/internal/update.go
 */
function encodeInstance(addr: string, metadata: unknown = null): string {
  // Of a function or a symbol, JSON leaves nothing.
  const json = JSON.stringify(metadata) as string | undefined;
  if (json === undefined) {
    throw invalidArgument(`metadata must be something that JSON can hold, not ${showValue(metadata)}`);
  }
  // Go escapes what HTML or JavaScript could misread. Outside of texts, JSON has none of these characters.
  return `{"Op":0,"Addr":${JSON.stringify(addr)},"Metadata":${json}}`.replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The instances in a target's keys, by address. */
function decodeInstances(entries: Iterable<KeyValue<Bytes>>): ReadonlyMap<string, Instance> {
  const instances = Array.from(entries)
    .sort((one, other) => one.modRevision - other.modRevision)
    .map(decodeInstance)
    .filter((instance) => instance !== undefined);
  return new Map(instances.map((instance) => [instance.addr, instance]));
}

/**
 * Decodes what Go's `json.Unmarshal` decodes into an `Update`: names of fields in upper or lower case, and bytes that are
 * not UTF-8 as U+FFFD. What was put is there, whatever its `Op` says.
 */
function decodeInstance(entry: KeyValue<Bytes>): Instance | undefined {
  const key = decodeUtf8(entry.key);
  const fields = parseFields(entry.value);
  if (key === undefined || fields === undefined) return undefined;
  const op = fields.get('op') ?? 0;
  const addr = fields.get('addr');
  const metadata = fields.get('metadata') ?? null;
  if (!isOperation(op) || typeof addr !== 'string' || addr === '') return undefined;
  return {addr, metadata, key};
}

/** The fields of an object in JSON, by name in lower case; the last one of a name counts. */
function parseFields(json: Bytes): Map<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(json).toString());
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
    return new Map(Object.entries(parsed).map(([name, value]) => [name.toLowerCase(), value]));
  } catch {
    return undefined;
  }
}

/** Go's `Operation` is a `uint8`. */
function isOperation(op: unknown): boolean {
  return typeof op === 'number' && Number.isInteger(op) && op >= 0 && op <= 255;
}
