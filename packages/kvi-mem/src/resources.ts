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
 * Makes {@link MemStore.openResources} of every store in this process include the stack that opened each resource. For
 * tests: it captures a stack for each handle, watch, lease, lock and temporary key, and slows down every call.
 */
export function traceResources(): void {
  traceCalls();
}

/** @param tell called whenever something is opened, with the resources of its store */
export function onOpening(tell: (used: Resources) => void): void {
  tellUse = tell;
}

/**
 * What is open on a store and, if calls are traced, which call opened it.
 *
 * A lock or a temporary key is identified by the call that its lease was granted for, and is open while this lease or a
 * watch of the same call exists: the store decides, not the handle. If calls are not traced, a lock is identified by its
 * key, and any other lease is listed as a lease.
 */
export class Resources {
  readonly #liveLeases: () => LiveLease[];
  /** Handles that were cut off are not in it, and what they open is not recorded. */
  readonly #handles = new Map<Driver, {call: CallTrace; cutOff: () => void}>();
  readonly #watches = new Set<Opened & {request: WatchRequest<Bytes>}>();
  readonly #leases = new Map<LeaseId, Opened>();
  /** The number of recorded leases above which those that have ended are removed. */
  #forgetAt = 64;

  constructor(liveLeases: () => LiveLease[]) {
    this.#liveLeases = liveLeases;
  }

  /** @param cutOff detaches the handle from the store */
  handleOpened(handle: Driver, cutOff: () => void): void {
    const current = currentCall();
    // `open` may have awaited by now; a direct caller of the store is on the stack.
    const call = current?.method.startsWith('open') === true ? current : noteCall('store.driver');
    this.#handles.set(handle, {call, cutOff});
    tellUse(this);
  }

  handleClosed(handle: Driver): void {
    this.#handles.delete(handle);
  }

  /** @returns a function to call when the watch ends */
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

  /** A lock or a temporary key may reuse the lease of an earlier one, and owns it from now on. A caller's lease stays one. */
  keysPut(handle: Driver, {success = []}: TxnRequest<Bytes>): void {
    const call = currentCall();
    if (call === undefined || !isLeaseHolder(call) || !this.#handles.has(handle)) return;
    for (const op of success) {
      if (op.type !== 'put' || op.lease === undefined) continue;
      const opened = this.#leases.get(op.lease);
      if (opened === undefined || isLeaseHolder(opened.call)) this.#leases.set(op.lease, {call, handle});
    }
  }

  /**
   * Cuts handles off from the store, before it is reset: what they do later, such as putting a temporary key back, has no
   * effect on it.
   *
   * @param number handles opened by later calls are cut off
   */
  cutOffSince(number: number): void {
    for (const [handle, {call, cutOff}] of this.#handles) {
      if (call.number <= number) continue;
      cutOff();
      this.#handles.delete(handle);
    }
  }

  /** Lists what is open, in the order of opening. */
  list(): OpenResource[] {
    // Each call is listed once, by its first resource: the lease of a lock tells more than its watches.
    const found = new Map<CallTrace, OpenResource>();
    const add = (call: CallTrace, type: OpenResource['type'], name: string) => {
      if (!found.has(call)) found.set(call, openResource(call, type, name));
    };
    for (const {call} of this.#handles.values()) add(call, 'handle', '');
    for (const {call, handle, lease} of this.#knownLeases()) {
      // Outcome keys end with the handle, which is listed.
      if (call.method === 'outcomeKeys' && this.#handles.has(handle)) continue;
      // A lease without keys may be free for the next lock. Only traced calls tell it from a caller's own lease.
      const mayBeFree = isLeaseHolder(call) ? !call.isPending : !areCallsTraced();
      if (lease.keys.length === 0 && mayBeFree) continue;
      const lock = call.method === 'kv.lease' ? undefined : lockName(lease);
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

  /** Whether the watched key belongs to a lease: locks and temporary keys watch theirs. */
  #isOfLease({key, rangeEnd}: WatchRequest<Bytes>): boolean {
    const isHeld = (lease: LiveLease) => lease.keys.some((held) => Buffer.compare(held, key) === 0);
    return rangeEnd === undefined && this.#liveLeases().some(isHeld);
  }

  /** The recorded leases that still exist; removes the others. */
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

/** A lock is the key `<name>/<lease>`, as that of `etcdctl lock`. */
function lockName({id, keys: [key]}: LiveLease): string | undefined {
  const text = key === undefined ? '' : toText(key);
  return text.endsWith(`/${id}`) ? text.slice(0, -id.length - 1) : undefined;
}

/** One key, or `[from, to)`; a range without an end goes to `...`. */
function describeKeys({key, rangeEnd}: WatchRequest<Bytes>): string {
  if (rangeEnd === undefined || rangeEnd.length === 0) return toText(key);
  const isEndless = rangeEnd.length === 1 && rangeEnd[0] === 0;
  return `[${toText(key)}, ${isEndless ? '...' : toText(rangeEnd)})`;
}

function toText(key: Bytes | string): string {
  return Buffer.from(key).toString();
}
