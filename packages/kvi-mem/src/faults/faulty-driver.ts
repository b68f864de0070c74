import {
  type BufferLimits,
  bufferLimits,
  closed,
  type Driver,
  type DriverCallOptions,
  isKviError,
  type LeaseId,
  withDeadline,
} from 'kvi-core/driver';
import type {FaultPlan, KeyMatch} from './fault-plan.ts';
import {cutShort, failure} from './failures.ts';
import type {PortCall} from './port-call.ts';
import {type ResumingWatch, resumingWatch} from './resuming-watch.ts';

/**
 * A handle that a plan of faults affects.
 *
 * It wraps any driver. Without faults, calls go straight through.
 *
 * @param limits the limits of the driver
 */
export function faultyDriver(driver: Driver, plan: FaultPlan, limits: BufferLimits = {}): Driver {
  const {clock} = driver;
  const closing = new AbortController();
  const leases = new Set<LeaseId>();
  const watches = new Set<ResumingWatch>();

  async function call<R>(
    portCall: PortCall,
    {timeoutMs, signal}: DriverCallOptions = {},
    apply: (options: DriverCallOptions) => Promise<R>,
  ): Promise<R> {
    // A call that cannot be sent meets no fault.
    const isOver = closing.signal.aborted || signal?.aborted === true;
    const isCutOff = plan.partition !== undefined;
    const effect = isOver || isCutOff ? undefined : plan.effectOn(portCall);
    if (isOver || (effect === undefined && !isCutOff)) return apply({timeoutMs, signal});
    if (plan.partition === 'fail') throw failure('KVI_UNAVAILABLE', portCall);

    let ended: AbortSignal | undefined;
    try {
      return await withDeadline(clock, {timeoutMs, signal, closing: closing.signal}, async (over) => {
        ended = over;
        const attempt = {call: portCall, apply: () => apply({}), clock, ended, closing: closing.signal};
        if (effect !== undefined) return effect(attempt);
        await plan.untilHealed(over);
        return (plan.effectOn(portCall) ?? attempt.apply)(attempt);
      });
    } catch (error) {
      throw ended?.aborted === true && isKviError(error) ? cutShort(portCall, error) : error;
    }
  }

  const handle = {
    suspendWatches() {
      for (const watch of watches) watch.suspend();
    },
    resumeWatches() {
      for (const watch of watches) watch.resume();
    },
    async loseLeases(match: KeyMatch) {
      for (const id of leases) {
        try {
          const {keys} = await driver.leaseTimeToLive({id, keys: true});
          if (match(keys, id)) await driver.leaseRevoke(id);
        } catch (error) {
          if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
          leases.delete(id);
        }
      }
    },
  };
  plan.handles.add(handle);

  return {
    clock,
    range: (request, options) =>
      call({operation: 'range', request}, options, (limits) => driver.range(request, limits)),
    txn: (request, options) =>
      call({operation: 'txn', request}, options, (limits) =>
        driver.txn(request, {...limits, mayShareRevision: options?.mayShareRevision}),
      ),
    compact: (request, options) =>
      call({operation: 'compact', request}, options, (limits) => driver.compact(request, limits)),
    leaseGrant: (request, options) =>
      call({operation: 'leaseGrant', request}, options, async (limits) => {
        const granted = await driver.leaseGrant(request, limits);
        leases.add(granted.id);
        return granted;
      }),
    leaseRevoke: (id, options) =>
      call({operation: 'leaseRevoke', request: {id}}, options, (limits) => driver.leaseRevoke(id, limits)),
    leaseKeepAlive: (id, options) =>
      call({operation: 'leaseKeepAlive', request: {id}}, options, (limits) =>
        driver.leaseKeepAlive(id, limits),
      ),
    leaseTimeToLive: (request, options) =>
      call({operation: 'leaseTimeToLive', request}, options, (limits) =>
        driver.leaseTimeToLive(request, limits),
      ),
    leaseLeases: (options) =>
      call({operation: 'leaseLeases', request: {}}, options, (limits) => driver.leaseLeases(limits)),
    status: (options) => call({operation: 'status', request: {}}, options, (limits) => driver.status(limits)),
    watch(request, {signal} = {}) {
      let started: ResumingWatch | undefined = undefined;
      let isOver = false;
      started = resumingWatch(driver, request, {
        signal,
        ...bufferLimits(limits),
        isSuspended: plan.watchesAreDown,
        onEnd() {
          isOver = true;
          if (started !== undefined) watches.delete(started);
        },
      });
      if (!isOver) watches.add(started);
      return started.watch;
    },
    async close() {
      closing.abort(closed());
      plan.handles.delete(handle);
      await driver.close();
    },
  };
}
