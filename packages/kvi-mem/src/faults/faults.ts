import {type Bytes, encode, type Input, invalidArgument, type LeaseId, prefixEnd} from 'kvi-core/driver';
import {toByteString} from '../byte-string.ts';
import {includes, type Interval, overlap, toInterval} from '../mvcc/interval.ts';
import {
  delayRequest,
  delayResponse,
  type Effect,
  failAfterApplying,
  failBeforeApplying,
  hang,
  pass,
} from './effects.ts';
import {type FaultCode, faultCodes} from './failures.ts';
import {FaultPlan, type PartitionMode, type PlannedEffect} from './fault-plan.ts';
import {keysOf, type Operation, operations, type PortCall} from './port-call.ts';

/** Selects by key or by prefix. Without either, every call is selected, including those without keys. */
export interface KeySelection {
  key?: Input | undefined;
  prefix?: Input | undefined;
}

/** Selects the calls that meet every condition given. */
export interface CallSelection extends KeySelection {
  operation?: Operation | readonly Operation[] | undefined;
  /** Another condition. Called only for calls that meet the other ones. */
  where?: ((call: PortCall) => boolean) | undefined;
}

/** Selects leases by id, or by the keys attached to them. */
export interface LeaseSelection extends KeySelection {
  id?: LeaseId | undefined;
}

/** A planned fault. */
export interface Fault {
  /** How many calls it has affected. */
  readonly hits: number;
  /** Removes the fault. */
  lift(): void;
}

/** What happens to the selected calls. Nothing is planned until one of these is called. */
export interface FaultChoice {
  /**
   * The calls fail and are not applied.
   *
   * @param code default `KVI_UNAVAILABLE`. `KVI_UNKNOWN_OUTCOME`: the request was lost on its way, which the caller
   *   cannot know; a call that cannot change anything fails with `KVI_UNAVAILABLE` instead.
   */
  fail(code?: FaultCode): Fault;
  /**
   * The calls are applied and the answer is lost: `KVI_UNKNOWN_OUTCOME`, or `KVI_UNAVAILABLE` for a call that cannot change
   * anything.
   */
  failAfterApplying(): Fault;
  /** The calls arrive late and are applied then, even if the caller has given up, unless the handle is closed. */
  delayRequest(ms: number): Fault;
  /** The calls are applied at once and answered late. */
  delayResponse(ms: number): Fault;
  /** The calls are not applied and never answered: they end with their timeout or signal. */
  hang(): Fault;
  /** The calls succeed as usual. Use it to skip calls between two faults. */
  pass(): Fault;
}

/**
 * Where a {@link Faults} keeps its plan. Shared by every copy of kvi-mem in a process, so that each accepts the others'.
 */
// Stryker disable next-line StringLiteral: the test with another copy notices, which the mutation run leaves out
export const plan = Symbol.for('kvi-mem.Faults.plan');

/**
 * A plan of faults between handles and their store, to test how a service copes. The errors are those of a real cluster,
 * and whether a call is applied agrees with its error.
 *
 * ```ts
 * const faults = new Faults();
 * const kv = await openMem('mem:', {store: new MemStore(), faults});
 *
 * faults.next('txn').failAfterApplying();
 * await kv.store('k', 'v'); // throws KVI_UNKNOWN_OUTCOME, and k is v
 *
 * faults.partition();
 * await kv.get('k', {timeoutMs: 50}); // throws KVI_TIMEOUT
 * faults.heal();
 * ```
 *
 * Several handles can share one plan, as if they were in one process.
 */
export class Faults {
  /** @internal used by drivers */
  readonly [plan] = new FaultPlan();

  /**
   * Plans what happens to the next selected call or calls. Several plans make a script: each call uses the first
   * remaining fault that matches.
   *
   * @param calls an operation, or a selection of calls; default: any
   * @param times how many calls; default 1
   * @throws `KVI_INVALID_ARGUMENT` for an invalid selection
   */
  next(calls: Operation | CallSelection = {}, times = 1): FaultChoice {
    if (!(Number.isSafeInteger(times) && times >= 1)) {
      throw invalidArgument(`times must be a whole number, 1 or more, not ${String(times)}`);
    }
    return this.#choice(callMatcher(calls), times);
  }

  /**
   * Plans what happens to every selected call until the fault is lifted. Faults planned with {@link Faults.next} take
   * precedence.
   *
   * @param calls as of {@link Faults.next}
   * @throws `KVI_INVALID_ARGUMENT`
   */
  every(calls: Operation | CallSelection = {}): FaultChoice {
    return this.#choice(callMatcher(calls), Infinity);
  }

  /**
   * Cuts the handles off until {@link Faults.heal}. Their watches receive nothing and their keepalives do not arrive, so
   * that their leases expire by the store's clock.
   *
   * @param calls `hang`, the default, as when packets are lost: a call waits until it is healed, or ends with its timeout
   *   or
   *   signal, a write as `KVI_UNKNOWN_OUTCOME` (it was not applied); `fail`, as when connections are refused: a call fails
   *   with `KVI_UNAVAILABLE` at once, and kvi retries it until its timeout
   * @throws `KVI_INVALID_ARGUMENT`
   */
  partition({calls = 'hang'}: {calls?: PartitionMode | undefined} = {}): void {
    if (calls !== 'hang' && calls !== 'fail') {
      throw invalidArgument(`calls must be "hang" or "fail", not ${JSON.stringify(calls)}`);
    }
    this[plan].cutOff(calls);
  }

  /**
   * Breaks the connection of the watches until {@link Faults.heal}. As on etcd they miss nothing: they then receive what
   * happened meanwhile, or end with `KVI_COMPACTED` if it was compacted. Calls are not affected.
   */
  dropWatches(): void {
    this[plan].dropWatches();
  }

  /** Ends {@link Faults.partition} and {@link Faults.dropWatches}. */
  heal(): void {
    this[plan].heal();
  }

  /** Removes all faults, and heals. */
  lift(): void {
    this[plan].removeAll();
    this[plan].heal();
  }

  /**
   * Ends leases that the handles granted, at once, as if they had expired: their keys are deleted, and the holders of
   * their locks and temporary keys are notified as in production.
   *
   * @param leases default: all
   * @throws `KVI_INVALID_ARGUMENT`
   */
  async loseLeases(leases: LeaseSelection = {}): Promise<void> {
    checkNames(leases, ['id', 'key', 'prefix']);
    const {id} = leases;
    const keys = toKeys(leases);
    for (const handle of this[plan].handles) {
      await handle.loseLeases(
        (held, lease) =>
          (id === undefined || id === lease) &&
          (keys === undefined || held.some((key) => includes(keys, toByteString(key)))),
      );
    }
  }

  #choice(matches: PlannedEffect['matches'], left: number): FaultChoice {
    const add = (effect: Effect): Fault => {
      const planned = {matches, effect, left, hits: 0};
      this[plan].add(planned);
      return {
        get hits() {
          return planned.hits;
        },
        lift: () => {
          this[plan].remove(planned);
        },
      };
    };
    return {
      fail(code = 'KVI_UNAVAILABLE') {
        if (!faultCodes.includes(code)) {
          throw invalidArgument(`code must be one of ${faultCodes.join(', ')}, not ${code}`);
        }
        return add(failBeforeApplying(code));
      },
      failAfterApplying: () => add(failAfterApplying),
      delayRequest: (ms) => add(delayRequest(checkedDelay(ms))),
      delayResponse: (ms) => add(delayResponse(checkedDelay(ms))),
      hang: () => add(hang),
      pass: () => add(pass),
    };
  }
}

function callMatcher(calls: Operation | CallSelection): PlannedEffect['matches'] {
  const selection = typeof calls === 'string' ? {operation: calls} : calls;
  checkNames(selection, ['operation', 'key', 'prefix', 'where']);
  const {operation, where} = selection;
  const wanted = operation === undefined ? undefined : [operation].flat();
  const unknown = wanted?.find((name) => !operations.includes(name));
  if (unknown !== undefined) {
    throw invalidArgument(`unknown operation ${unknown}; expected one of ${operations.join(', ')}`);
  }
  if (where !== undefined && typeof where !== 'function') throw invalidArgument('where must be a function');
  const keys = toKeys(selection);
  return (call) =>
    (wanted === undefined || wanted.includes(call.operation)) &&
    (keys === undefined || keysOf(call).some((range) => overlap(keys, toInterval(range)))) &&
    (where === undefined || where(call));
}

function toKeys({key, prefix}: KeySelection): Interval | undefined {
  if (key !== undefined && prefix !== undefined) throw invalidArgument('give a key or a prefix, not both');
  if (key !== undefined) return toInterval({key: encode(key, 'key')});
  if (prefix === undefined) return undefined;
  const start: Bytes = encode(prefix, 'prefix');
  return toInterval({key: start, rangeEnd: prefixEnd(start)});
}

function checkNames(selection: object, names: readonly string[]): void {
  if (typeof selection !== 'object' || selection === null) {
    throw invalidArgument(`a selection must be an object with some of ${names.join(', ')}`);
  }
  const unknown = Object.keys(selection).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw invalidArgument(`unknown field ${unknown}; expected one of ${names.join(', ')}`);
}

/** The longest delay of a timer. */
const maxDelayMs = 2 ** 31 - 1;

function checkedDelay(ms: number): number {
  if (!(typeof ms === 'number' && ms >= 0 && ms <= maxDelayMs)) {
    throw invalidArgument(`a delay must be from 0 to ${maxDelayMs} milliseconds, not ${String(ms)}`);
  }
  return ms;
}

/** Whether this is a {@link Faults}, of whichever copy of kvi-mem. */
export function isFaults(value: unknown): value is Faults {
  return typeof value === 'object' && value !== null && plan in value;
}
