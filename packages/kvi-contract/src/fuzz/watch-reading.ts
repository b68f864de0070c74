import type {Bytes, DriverWatch, Event, WatchRequest, WatchResponse} from 'kvi-core/driver';

/** Reads a watch and records its events. */
export interface WatchReading {
  readonly request: WatchRequest<Bytes>;
  /** Every event so far. */
  readonly events: readonly Event<Bytes>[];
  /** Violations in how events were delivered, regardless of their contents. */
  readonly brokenPromises: readonly string[];
  /** How the watch ended: with an error, or without one, which is a violation. */
  readonly end: {error: unknown} | undefined;
  /** Waits for a condition; resolves with false if it does not hold in time. */
  until(holds: () => boolean, patienceMs: number): Promise<boolean>;
  /** Ends the watch. */
  stop(): Promise<void>;
}

export function readWatch(watch: DriverWatch, request: WatchRequest<Bytes>): WatchReading {
  const events: Event<Bytes>[] = [];
  const brokenPromises: string[] = [];
  let end: {error: unknown} | undefined;
  let deliveredUntil = 0;
  let look: () => void = () => undefined;

  async function read(): Promise<void> {
    try {
      for await (const response of watch) {
        check(response);
        events.push(...response.events);
        look();
      }
      end = {error: new Error('the watch ended by itself, without an error')};
    } catch (error) {
      end = {error};
    }
    look();
  }

  function check({revision, events: received}: WatchResponse<Bytes>): void {
    let last = deliveredUntil;
    for (const {kv} of received) {
      if (kv.modRevision < last) brokenPromises.push('revisions are not in order');
      if (kv.modRevision <= deliveredUntil) brokenPromises.push('a revision came again, or in parts');
      last = kv.modRevision;
    }
    if (revision < last) brokenPromises.push('a response is of a lower revision than its events');
    deliveredUntil = Math.max(revision, last);
  }

  void read();
  return {
    request,
    events,
    brokenPromises,
    get end() {
      return end;
    },
    until(holds, patienceMs) {
      if (holds()) return Promise.resolve(true);
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          look = () => undefined;
          resolve(false);
        }, patienceMs);
        look = () => {
          if (!holds()) return;
          clearTimeout(timer);
          resolve(true);
        };
      });
    },
    async stop() {
      await watch.return();
    },
  };
}
