import {
  aborted,
  allowManyListeners,
  closed,
  type DriverCallOptions,
  KviError,
  systemClock,
  type Timer,
} from 'kvi-core/driver';

/** The extent of one call, which its timeout, its signal or `close` may end early. */
export interface Scope {
  /** Why the scope ended early. */
  readonly error: KviError | undefined;
  /** Stops what the call is waiting for; called when the scope ends early. */
  interrupt: (reason: Error) => void;
  /** Rings once, when `at` has come, unless the scope has ended. It stays here until another takes its place. */
  alarm: {at: number; ring: () => void} | undefined;
  /** Runs a part of the call; the signal aborts when the scope ends early. */
  withSignal<R>(body: (ended: AbortSignal) => Promise<R>): Promise<R>;
  /** The call is over. */
  leave(): void;
}

/** The scopes of a handle's calls. */
export interface Scopes {
  /** @throws `KVI_CLOSED`, or `KVI_ABORTED` if the signal has aborted */
  enter(limits: DriverCallOptions): Scope;
  /** Runs `body` in a scope of its own; the signal aborts if the scope ends early. */
  run<R>(limits: DriverCallOptions, body: (ended: AbortSignal) => Promise<R>): Promise<R>;
  /** Ends all scopes, and lets no other begin. */
  close(): void;
}

/** How often deadlines are checked: the most by which a call ends too late. No call ends early. */
const sweepMs = 20;

/**
 * One timer serves the deadlines of all calls: nearly every call ends long before its deadline, so a timer of its own would
 * be wasted. The timer runs while there are calls, and does not keep the process alive; what the calls wait for does.
 *
 * @param onSweep - called now and then while there are calls
 */
export function createScopes(onSweep: () => void): Scopes {
  const open = new Set<CallScope>();
  let timer: Timer | undefined;
  let sweepAt = 0;
  let isClosed = false;

  function scheduleSweep(now: number): void {
    // A timer that is long overdue was a fake one of a test, and never fires.
    if (timer !== undefined && now < sweepAt + 1_000) return;
    timer?.cancel();
    sweepAt = now + sweepMs;
    timer = systemClock.setTimer(sweepMs, sweep).unref();
  }

  function sweep(): void {
    timer = undefined;
    const now = systemClock.now();
    for (const scope of open) scope.look(now);
    if (open.size > 0) scheduleSweep(now);
    onSweep();
  }

  function enter(limits: DriverCallOptions): CallScope {
    if (isClosed) throw closed();
    if (limits.signal?.aborted === true) throw aborted(limits.signal);
    const now = systemClock.now();
    scheduleSweep(now);
    return new CallScope(open, now, limits);
  }

  return {
    enter,
    async run(limits, body) {
      const scope = enter(limits);
      try {
        return await scope.withSignal(body);
      } catch (error) {
        throw scope.error ?? error;
      } finally {
        scope.leave();
      }
    },
    close() {
      isClosed = true;
      for (const scope of open) scope.end(closed());
      timer?.cancel();
    },
  };
}

class CallScope implements Scope {
  error: KviError | undefined;
  interrupt: (reason: Error) => void = () => undefined;
  alarm: {at: number; ring: () => void} | undefined;
  readonly #open: Set<CallScope>;
  readonly #limits: DriverCallOptions;
  readonly #deadline: number;
  #onAbort: (() => void) | undefined;

  constructor(open: Set<CallScope>, now: number, limits: DriverCallOptions) {
    this.#open = open.add(this);
    this.#limits = limits;
    this.#deadline = now + (limits.timeoutMs ?? Infinity);
    const {signal} = limits;
    if (signal === undefined) return;
    this.#onAbort = () => {
      this.end(aborted(signal));
    };
    allowManyListeners(signal);
    signal.addEventListener('abort', this.#onAbort, {once: true});
  }

  withSignal<R>(body: (ended: AbortSignal) => Promise<R>): Promise<R> {
    if (this.error !== undefined) return Promise.reject(this.error);
    const controller = new AbortController();
    this.interrupt = (reason) => controller.abort(reason);
    return body(controller.signal);
  }

  look(now: number): void {
    if (now >= this.#deadline) {
      const ms = Math.round(this.#limits.timeoutMs ?? Infinity);
      this.end(new KviError('KVI_TIMEOUT', `gave up after ${ms} ms`));
    } else if (this.alarm !== undefined && now >= this.alarm.at) {
      const {ring} = this.alarm;
      this.alarm.at = Infinity;
      ring();
    }
  }

  end(error: KviError): void {
    if (this.error !== undefined) return;
    this.leave();
    this.error = error;
    this.interrupt(error);
  }

  leave(): void {
    this.#open.delete(this);
    if (this.#onAbort !== undefined) this.#limits.signal?.removeEventListener('abort', this.#onAbort);
  }
}
