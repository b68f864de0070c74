import {type Bytes, type Driver, type LeaseId, type TxnRequest, type WatchRequest} from 'kvi-core/driver';
import {areCallsTraced, type CallTrace, currentCall, noteCall, traceCalls} from './call-traces.ts';
import {openResource, type OpenResource} from './open-resource.ts';

/** A lease as {@link Resources} sees it. */
export interface LiveLease {
  id: LeaseId;
  keys: readonly Bytes[];
}

interface Opened {
  call: CallTrace;
  handle: Driver;
}

let tellUse: (used: Resources) => void = () => undefined;

/**
 * From now on, {@link MemStore.openResources} of every store of this process says which line opened what. It is for tests: it
 * captures a stack for each handle, watch, lease, lock and temporary key, and makes every call slower.
 */
export function traceResources(): void {
  traceCalls();
}

/** @param tell called whenever something is opened, with the resources that it is one of */
export function onOpening(tell: (used: Resources) => void): void {
  tellUse = tell;
}

/**
 * What is open on a store, and where calls are traced, who opened it.
 *
 * A lock or a temporary key is known by the call that its lease was granted for, and is open as long as this lease, or a
 * watch of the same call, is there: the store decides, not what the handle believes. Where calls are not traced, a lock is
 * known by its key, and what else keeps keys is a lease.
 */
export class Resources {
  readonly #liveLeases: () => LiveLease[];
  /** What others open, those that were cut off, is not noted. */
  readonly #handles = new Map<Driver, {call: CallTrace; cutOff: () => void}>();
  readonly #watches = new Set<Opened & {request: WatchRequest<Bytes>}>();
  readonly #leases = new Map<LeaseId, Opened>();
  /** How many leases are noted before those that are over are forgotten. */
  #forgetAt = 64;

  constructor(liveLeases: () => LiveLease[]) {
    this.#liveLeases = liveLeases;
  }

  /** @param cutOff lets the handle keep the store as it is to itself */
  handleOpened(handle: Driver, cutOff: () => void): void {
    const current = currentCall();
    // `open` may have awaited something by now; whoever calls the store itself is on the stack.
    const call = current?.method.startsWith('open') === true ? current : noteCall('store.driver');
    this.#handles.set(handle, {call, cutOff});
    tellUse(this);
  }

  handleClosed(handle: Driver): void {
    this.#handles.delete(handle);
  }

  /** @returns what to call when the watch ends */
  watchOpened(handle: Driver, request: WatchRequest<Bytes>): (() => void) | undefined {
    if (!this.#handles.has(handle)) return undefined;
    const opened = {call: currentCall() ?? noteCall('driver.watch'), handle, request};
    this.#watches.add(opened);
    tellUse(this);
    return () => this.#watches.delete(opened);
  }

  leaseGranted(handle: Driver, id: LeaseId): void {
    if (!this.#handles.has(handle)) return;
    this.#leases.set(id, {call: currentCall() ?? noteCall('driver.leaseGrant'), handle});
    if (this.#leases.size > this.#forgetAt) this.#forgetAt = 64 + 2 * this.#knownLeases().length;
    tellUse(this);
  }

  /** A lock or a temporary key may get a lease that served another before: it is its own from now on. */
  keysPut(handle: Driver, {success = []}: TxnRequest<Bytes>): void {
    const call = currentCall();
    if (call === undefined || !isLeaseHolder(call) || !this.#handles.has(handle)) return;
    for (const op of success) {
      if (op.type === 'put' && op.lease !== undefined) this.#leases.set(op.lease, {call, handle});
    }
  }

  /**
   * Cuts handles off from the store, to be called before it is reset: what they do later, such as putting a temporary key
   * back, nobody else sees.
   *
   * @param number handles of later calls are meant
   */
  cutOffSince(number: number): void {
    for (const [handle, {call, cutOff}] of this.#handles) {
      if (call.number <= number) continue;
      cutOff();
      this.#handles.delete(handle);
    }
  }

  /** What is open, in the order in which it was opened. */
  list(): OpenResource[] {
    // Of what one call opened, the first is listed; the lease of a lock says more than its watches.
    const found = new Map<CallTrace, OpenResource>();
    const add = (call: CallTrace, type: OpenResource['type'], name: string) => {
      if (!found.has(call)) found.set(call, openResource(call, type, name));
    };
    for (const {call} of this.#handles.values()) add(call, 'handle', '');
    for (const {call, handle, lease} of this.#knownLeases()) {
      // These end with the handle, which is listed: outcome keys, and leases that are free for the next lock.
      if (call.method === 'outcomeKeys' && this.#handles.has(handle)) continue;
      // It is free for the next lock, which only a traced call tells from a lease of the caller's own.
      const mayBeFree = isLeaseHolder(call) ? !call.isPending : !areCallsTraced();
      if (lease.keys.length === 0 && mayBeFree) continue;
      const lock = lockName(lease);
      if (call.subject !== undefined) add(call, typeOf(call), call.subject);
      else if (lock !== undefined) add(call, 'lock', lock);
      else add(call, 'lease', lease.id);
    }
    for (const {call, request} of this.#watches) {
      if (!areCallsTraced() && this.#isOfLease(request)) continue;
      add(call, typeOf(call), call.subject ?? describeKeys(request));
    }
    return [...found.values()].sort((a, b) => a.number - b.number);
  }

  /** Whether a lease has the key that is watched: locks and temporary keys watch theirs. */
  #isOfLease({key, rangeEnd}: WatchRequest<Bytes>): boolean {
    const isHeld = (lease: LiveLease) => lease.keys.some((held) => Buffer.compare(held, key) === 0);
    return rangeEnd === undefined && this.#liveLeases().some(isHeld);
  }

  /** The leases that live and were granted to a handle that was open; the others are forgotten. */
  #knownLeases(): (Opened & {lease: LiveLease})[] {
    const known = this.#liveLeases().flatMap((lease) => {
      const opened = this.#leases.get(lease.id);
      return opened === undefined ? [] : {...opened, lease};
    });
    this.#leases.clear();
    for (const {lease, call, handle} of known) this.#leases.set(lease.id, {call, handle});
    return known;
  }
}

function typeOf({method}: CallTrace): OpenResource['type'] {
  if (method === 'kv.tempKey') return 'temporaryKey';
  return method === 'kv.distLock' || method === 'kv.distTimedLock' ? 'lock' : 'watch';
}

function isLeaseHolder(call: CallTrace): boolean {
  return typeOf(call) !== 'watch';
}

/** A lock that was taken through the port, as `etcdctl lock` would take it, is the key `<name>/<lease>`. */
function lockName({id, keys: [key]}: LiveLease): string | undefined {
  const text = key === undefined ? '' : toText(key);
  return text.endsWith(`/${id}`) ? text.slice(0, -id.length - 1) : undefined;
}

/** One key, or `[from, to)`; a range that has no end goes to `...`. */
function describeKeys({key, rangeEnd}: WatchRequest<Bytes>): string {
  if (rangeEnd === undefined || rangeEnd.length === 0) return toText(key);
  const isEndless = rangeEnd.length === 1 && rangeEnd[0] === 0;
  return `[${toText(key)}, ${isEndless ? '...' : toText(rangeEnd)})`;
}

function toText(key: Bytes | string): string {
  return Buffer.from(key).toString();
}
