import {AsyncResource} from 'node:async_hooks';
import {
  type Bytes,
  type Driver,
  type DriverWatch,
  eventBuffer,
  type EventBufferOptions,
  type KviError,
  type WatchRequest,
} from 'kvi-core/driver';

/** A watch whose connection a test can interrupt. */
export interface ResumingWatch {
  readonly watch: DriverWatch;
  /** The connection breaks: nothing more arrives. */
  suspend(): void;
  /** The connection is back: the watch resumes after the last event that arrived, as on etcd. */
  resume(): void;
}

/**
 * Watches through `driver`, over a connection that can break. Events of the meantime arrive when it is back; if they were
 * compacted by then, the watch ends with `KVI_COMPACTED`. A watch started without a connection is created once there is
 * one; unless it names a revision, it starts at the current one.
 *
 * @param isSuspended whether it starts without a connection
 */
export function resumingWatch(
  driver: Driver,
  request: WatchRequest<Bytes>,
  {isSuspended, ...options}: EventBufferOptions & {isSuspended: boolean},
): ResumingWatch {
  let current: DriverWatch | undefined;
  let nextRevision = request.startRevision ?? 0;
  /** Whether progress was asked for while there was no connection. */
  let owesProgress = false;
  const buffer = eventBuffer({
    ...options,
    onEnd() {
      void current?.return();
      current = undefined;
      options.onEnd();
    },
    onProgressRequest() {
      if (isSuspended) owesProgress = true;
      else current?.requestProgress();
    },
  });

  /** In the context of this call, though it is the test that resumes the watch. */
  const open = AsyncResource.bind((startRevision: number) => driver.watch({...request, startRevision}));

  function start(startRevision: number) {
    const started = open(startRevision);
    current = started;
    started.created.then(
      (firstRevision) => {
        if (current !== started || isSuspended) return;
        nextRevision ||= firstRevision;
        buffer.created(firstRevision);
      },
      () => undefined,
    );
    void follow(started);
  }

  async function follow(started: DriverWatch): Promise<void> {
    try {
      for await (const response of started) {
        if (current !== started) return;
        // What is lost here is delivered again on the next connection.
        if (isSuspended) continue;
        const last = response.events.at(-1)?.kv.modRevision ?? response.revision;
        nextRevision = Math.max(nextRevision, last + 1);
        buffer.push(response);
      }
    } catch (error) {
      // Drivers throw nothing else.
      if (current === started) buffer.fail(error as KviError);
    }
  }

  // Without a connection it delivers nothing, but still ends when the handle is closed or the store is reset.
  if (!buffer.ended) start(isSuspended ? 0 : nextRevision);

  return {
    watch: buffer.watch,
    suspend() {
      isSuspended = true;
    },
    resume() {
      if (!isSuspended || buffer.ended) return;
      isSuspended = false;
      const old = current;
      start(nextRevision);
      if (owesProgress) current?.requestProgress();
      owesProgress = false;
      void old?.return();
    },
  };
}
