import {
  aborted,
  type Clock,
  closed,
  type Driver,
  type DriverCallOptions,
  type DriverWatch,
  eventBuffer,
  type EventBuffer,
  KviError,
  type Timer,
} from 'kvi-core/driver';
import {describeRequest, describeTxn, describeWatchResponse} from './describe.ts';

/**
 * What becomes of a call on its way to the store and back.
 * - `refused`: it does not arrive, which its caller is told.
 * - `lost`: it does not arrive, and its caller hears that the connection is gone.
 * - `unanswered`: it arrives, and its caller hears that the connection is gone.
 * - `late`: its caller hears that the connection is gone, and it may arrive after that.
 * - `silent`: it arrives, and its caller hears nothing at all.
 */
export type Fate = 'ok' | 'refused' | 'lost' | 'unanswered' | 'late' | 'silent';

/** What a {@link scheduledDriver} needs to know. */
export interface ScheduledDriverOptions {
  /** Names the client in what fast-check prints. */
  name: string;
  /** The driver of the store, which is never closed: what is on its way when a client closes arrives nevertheless. */
  store: Driver;
  /** Resolves when it is the turn of this step. */
  step: (label: string) => Promise<void>;
  nextFate: () => Fate;
}

/** A client that is some way from its store. */
export interface ScheduledDriver extends Driver {
  /** The process stands still: time passes, and neither timers nor answers are seen until it goes on. */
  stall(): void;
  goOn(): void;
  /** What is under way gets no answer, and what watches deliver is lost; they go on from what was delivered. */
  loseConnection(): void;
  /** The process is gone, and what it has sent may still arrive. */
  crash(): void;
  readonly hasCrashed: boolean;
  readonly standsStill: boolean;
  /** How many timers are set. */
  readonly timers: number;
}

interface RunningWatch {
  readonly buffer: EventBuffer;
  /** The store's end of it, while there is one. */
  inner?: DriverWatch | undefined;
}

/** A driver of which each call's arrival at the store and each answer is a step that fast-check puts in an order. */
export function scheduledDriver({name, store, step, nextFate}: ScheduledDriverOptions): ScheduledDriver {
  const timers = new Set<Timer>();
  const underWay = new Set<(error: KviError) => void>();
  const watches = new Set<RunningWatch>();
  let state: 'runs' | 'stands still' | 'crashed' = 'runs';
  let isClosed = false;
  let missed: (() => void)[] = [];

  /** Does something in the client, which a client that stands still does later. */
  function inClient(act: () => void) {
    if (state === 'runs') act();
    else if (state === 'stands still') missed.push(act);
  }

  const clock: Clock = {
    now: () => store.clock.now(),
    setTimer(delayMs, callback) {
      const timer: Timer = {
        cancel() {
          timers.delete(timer);
          pending.cancel();
        },
        unref: () => timer,
      };
      const pending = store.clock.setTimer(delayMs, () => {
        inClient(() => {
          if (timers.delete(timer)) callback();
        });
      });
      timers.add(timer);
      return timer;
    },
  };

  /** @param isWrite - of which it matters whether it was applied */
  function call<R>(
    label: string,
    isWrite: boolean,
    {timeoutMs, signal}: DriverCallOptions = {},
    apply: () => Promise<R>,
  ): Promise<R> {
    if (isClosed) return Promise.reject(closed());
    if (signal?.aborted === true) return Promise.reject(aborted(signal));
    return new Promise((resolve, reject) => {
      let isOver = false;
      function end(settle: () => void) {
        inClient(() => {
          if (isOver) return;
          isOver = true;
          timer?.cancel();
          signal?.removeEventListener('abort', abort);
          underWay.delete(cut);
          settle();
        });
      }
      const cut = (error: KviError) => end(() => reject(isWrite ? unknownOutcome(error) : error));
      const abort = () => cut(aborted(signal));
      const timer =
        timeoutMs === undefined
          ? undefined
          : clock.setTimer(timeoutMs, () => cut(new KviError('KVI_TIMEOUT', `${label} took too long`)));
      signal?.addEventListener('abort', abort);
      underWay.add(cut);

      async function travel(fate: Fate) {
        if (fate === 'refused' || fate === 'lost') {
          await step(`${label} is ${fate}`);
          if (fate === 'lost') cut(connectionLost());
          else end(() => reject(connectionLost()));
          return;
        }
        if (fate === 'late') void step(`${label} is given up`).then(() => cut(connectionLost()));
        await step(`${label} arrives`);
        if (isOver && !isWrite) return;
        const answer = apply();
        await answer.catch(() => undefined);
        if (fate === 'silent') return;
        await step(`${label} is ${fate === 'unanswered' ? fate : 'answered'}`);
        if (fate === 'unanswered') cut(connectionLost());
        else end(() => resolve(answer));
      }
      void travel(nextFate());
    });
  }

  const driver: ScheduledDriver = {
    clock,
    range: (request, options) =>
      call(`${name}: range ${describeRequest(request)}`, false, options, () => store.range(request)),
    txn: (request, options) =>
      call(`${name}: txn ${describeTxn(request)}`, true, options, () => store.txn(request)),
    compact: (request, options) =>
      call(`${name}: compact ${request.revision}`, true, options, () => store.compact(request)),
    leaseGrant: (request, options) =>
      call(`${name}: grant ${request.id ?? 'any'}`, true, options, () => store.leaseGrant(request)),
    leaseRevoke: (id, options) => call(`${name}: revoke ${id}`, true, options, () => store.leaseRevoke(id)),
    leaseKeepAlive: (id, options) =>
      call(`${name}: keep ${id} alive`, false, options, () => store.leaseKeepAlive(id)),
    leaseTimeToLive: (request, options) =>
      call(`${name}: ttl ${request.id}`, false, options, () => store.leaseTimeToLive(request)),
    leaseLeases: (options) => call(`${name}: leases`, false, options, () => store.leaseLeases()),
    status: (options) => call(`${name}: status`, false, options, () => store.status()),
    watch(request, {signal} = {}) {
      const label = `${name}: watch ${describeRequest(request)}`;
      const buffer = eventBuffer({
        signal,
        onEnd() {
          for (const running of watches) {
            if (!running.buffer.ended) continue;
            watches.delete(running);
            disconnect(running);
          }
        },
      });
      if (isClosed) buffer.fail(closed());
      if (buffer.ended) return buffer.watch;
      const entry: RunningWatch = {buffer};
      watches.add(entry);

      /** Delivers until the connection is lost, and tells where to go on then. */
      async function deliverFrom(startRevision: number | undefined): Promise<number | undefined> {
        await step(`${label} arrives`);
        if (buffer.ended || driver.hasCrashed) return undefined;
        const inner = store.watch({...request, startRevision});
        entry.inner = inner;
        const isConnected = () => entry.inner === inner;
        const first = await inner.created;
        await step(`${label} is in place`);
        if (!isConnected()) return startRevision;
        inClient(() => buffer.created(first));
        let next = first;
        for await (const response of inner) {
          await step(`${label} delivers ${describeWatchResponse(response)}`);
          if (!isConnected()) break;
          next = response.revision + 1;
          inClient(() => buffer.push(response));
        }
        return next;
      }

      async function deliver() {
        try {
          let {startRevision} = request;
          while (!buffer.ended && !driver.hasCrashed) startRevision = await deliverFrom(startRevision);
        } catch (error) {
          await step(`${label} fails`);
          inClient(() => buffer.fail(error as KviError));
        }
      }
      void deliver();
      return buffer.watch;
    },
    close() {
      isClosed = true;
      for (const cut of [...underWay]) cut(closed());
      for (const {buffer} of [...watches]) buffer.fail(closed());
      return Promise.resolve();
    },
    stall() {
      if (state === 'runs') state = 'stands still';
    },
    goOn() {
      if (state !== 'stands still') return;
      state = 'runs';
      for (const act of missed.splice(0)) act();
    },
    loseConnection() {
      for (const cut of [...underWay]) cut(connectionLost());
      for (const running of watches) disconnect(running);
    },
    crash() {
      state = 'crashed';
      missed = [];
      for (const running of watches) disconnect(running);
    },
    get hasCrashed() {
      return state === 'crashed';
    },
    get standsStill() {
      return state === 'stands still';
    },
    get timers() {
      return timers.size;
    },
  };
  return driver;
}

function disconnect(running: RunningWatch): void {
  void running.inner?.return();
  running.inner = undefined;
}

function connectionLost(): KviError {
  return new KviError('KVI_UNAVAILABLE', 'the connection was lost');
}

function unknownOutcome(cause: KviError): KviError {
  return new KviError('KVI_UNKNOWN_OUTCOME', 'no answer came', {cause});
}
