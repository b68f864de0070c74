// Not the global one, which a test may have replaced with a fake timer.
import {setImmediate} from 'node:timers';
import {
  aborted,
  type Bytes,
  closed,
  type Driver,
  type DriverCallOptions,
  type DriverWatch,
  type EventBuffer,
  eventBuffer,
  KviError,
  type WatchRequest,
} from 'kvi-core/driver';
import {type ModelStore, modelStore} from './model-store.ts';
import {present} from './state.ts';
import type {ModelRequest, ModelResponses, RequestType} from './step.ts';
import {watchFrom} from './watch.ts';

/** How many calls are answered at once before one waits for a turn of the event loop, so that timers fire. */
const callsPerTurn = 100;

/**
 * A handle on the model: a driver to compare others with, without an etcd.
 *
 * @param store shared by several handles. Default: a new, empty store
 */
export function modelDriver(store: ModelStore = modelStore()): Driver {
  const buffers = new Set<EventBuffer>();
  let isClosed = false;
  let calls = 0;

  /** Every call takes effect at once, so none times out, and a signal only matters if it has already aborted. */
  function ask<T extends RequestType>(
    request: ModelRequest<T>,
    options: DriverCallOptions | undefined,
  ): Promise<ModelResponses[T]> {
    // Errors thrown here reject the promise.
    return new Promise((resolve) => {
      if (isClosed) throw closed();
      if (options?.signal?.aborted === true) throw aborted(options.signal);
      const response = store.ask(request);
      calls += 1;
      if (calls % callsPerTurn === 0) setImmediate(() => resolve(response));
      else resolve(response);
    });
  }

  function watch(request: WatchRequest<Bytes>, signal: AbortSignal | undefined): DriverWatch {
    let forget: () => void = () => undefined;
    const buffer = eventBuffer({
      signal,
      onEnd: () => forget(),
      onProgressRequest: () => buffer.push({revision: present(store.state), events: []}),
    });
    if (isClosed) buffer.fail(closed());
    if (buffer.ended) return buffer.watch;

    store.ask({type: 'elapse', ms: 0});
    let startRevision = request.startRevision || present(store.state) + 1;
    buffer.created(startRevision);

    function deliver(): void {
      const watched = watchFrom(store.state, {...request, startRevision});
      if (!watched.ok) {
        const {compactRevision} = watched;
        buffer.fail(new KviError('KVI_COMPACTED', 'what is due was compacted', {compactRevision}));
        return;
      }
      for (const response of watched.responses) buffer.push(response);
      startRevision = watched.nextRevision;
    }

    const stop = store.onStep(deliver);
    buffers.add(buffer);
    forget = () => {
      stop();
      buffers.delete(buffer);
    };
    deliver();
    return buffer.watch;
  }

  return {
    clock: store.clock,
    range: (request, options) => ask({type: 'range', ...request}, options),
    txn: (request, options) => ask({type: 'txn', ...request}, options),
    compact: (request, options) => ask({type: 'compact', ...request}, options),
    leaseGrant: (request, options) => ask({type: 'leaseGrant', ...request}, options),
    leaseRevoke: (id, options) => ask({type: 'leaseRevoke', id}, options),
    leaseKeepAlive: (id, options) => ask({type: 'leaseKeepAlive', id}, options),
    leaseTimeToLive: (request, options) => ask({type: 'leaseTimeToLive', ...request}, options),
    leaseLeases: (options) => ask({type: 'leaseLeases'}, options),
    status: (options) => ask({type: 'status'}, options),
    watch: (request, options) => watch(request, options?.signal),
    close() {
      isClosed = true;
      for (const buffer of buffers) buffer.fail(closed());
      return Promise.resolve();
    },
  };
}
