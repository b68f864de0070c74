import {
  type Bytes,
  type Driver,
  type DriverWatch,
  type Event,
  isKviError,
  type WatchRequest,
} from 'kvi-core/driver';

/** What becomes of a watcher. */
export interface WatcherListener {
  /** @param revision - all events of revisions up to this one have been delivered */
  onEvents(events: readonly Event<Bytes>[], revision: number): void;
  /** Progress that was asked for, or that the store tells by itself. */
  onProgress(revision: number): void;
  /** It has ended for a reason of its own. */
  onError(error: unknown): void;
  /** Whether its client takes no more for now. */
  isFull(): boolean;
  /** Resolves when its client takes more. */
  drained(): Promise<void>;
}

/** One watch of a client, on the driver. */
export interface Watcher {
  /** What was asked for. */
  readonly request: WatchRequest<Bytes>;
  /** Resolves with the first revision that is watched; rejects if the driver does not say. */
  readonly created: Promise<number>;
  /** Begins to deliver. */
  start(): void;
  /** Asks for progress, which is told once all events before it are. */
  requestProgress(): void;
  /** Ends it; nothing is delivered after. */
  stop(): void;
}

/**
 * Watches for a client.
 *
 * A client that does not take its events must not fill the memory. So the watch on the driver ends while its client is
 * behind, and another goes on from the store's history when it has caught up.
 */
export function createWatcher(
  driver: Driver,
  request: WatchRequest<Bytes>,
  listener: WatcherListener,
): Watcher {
  let watch = driver.watch(request);
  let nextRevision = request.startRevision ?? 0;
  let owesProgress = false;
  let isStopped = false;
  const created = watch.created.then((revision) => {
    nextRevision = Math.max(nextRevision, revision);
    return revision;
  });
  created.catch(() => undefined);

  async function deliver(): Promise<void> {
    while (!isStopped) {
      const delivered = await deliverFrom(watch);
      if (isStopped || delivered === 'over') return;
      await listener.drained();
      if (isStopped) return;
      watch = driver.watch({...request, startRevision: nextRevision});
      if (owesProgress) watch.requestProgress();
    }
  }

  /** @returns why it stopped */
  async function deliverFrom(from: DriverWatch): Promise<'over' | 'behind'> {
    try {
      for (;;) {
        const result = await from.next();
        if (isStopped || result.done === true) return 'over';
        const {events, revision} = result.value;
        nextRevision = Math.max(nextRevision, revision + 1);
        if (events.length > 0) listener.onEvents(events, revision);
        else {
          owesProgress = false;
          listener.onProgress(revision);
        }
        if (!listener.isFull()) continue;
        await from.return();
        return 'behind';
      }
    } catch (error) {
      if (isKviError(error, 'KVI_SLOW_CONSUMER')) {
        nextRevision = error.revision ?? nextRevision;
        return 'behind';
      }
      if (!isStopped) listener.onError(error);
      return 'over';
    }
  }

  return {
    request,
    created,
    start: () => void deliver(),
    requestProgress() {
      owesProgress = true;
      watch.requestProgress();
    },
    stop() {
      if (isStopped) return;
      isStopped = true;
      void watch.return();
    },
  };
}
