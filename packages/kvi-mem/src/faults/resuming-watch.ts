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

/** A watch whose connection a test interrupts. */
export interface ResumingWatch {
  readonly watch: DriverWatch;
  /** The connection breaks: nothing more arrives. */
  suspend(): void;
  /** It is back: the watch goes on after the last event that arrived, as a watch on etcd does. */
  resume(): void;
}

/**
 * Watches through `driver`, and can lose the connection. What happens meanwhile arrives when it is back; if it was compacted
 * by then, the watch ends with `KVI_COMPACTED`. A watch that is started without a connection is in place, and one from now
 * on begins, once there is one.
 *
 * @param isSuspended whether there is no connection at first
 */
export function resumingWatch(
  driver: Driver,
  request: WatchRequest<Bytes>,
  {isSuspended, ...options}: EventBufferOptions & {isSuspended: boolean},
): ResumingWatch {
  let current: DriverWatch | undefined;
  let nextRevision = request.startRevision ?? 0;
  const buffer = eventBuffer({
    ...options,
    onEnd() {
      void current?.return();
      current = undefined;
      options.onEnd();
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
        // What is lost here comes again with the next connection.
        if (isSuspended) continue;
        const last = response.events.at(-1)?.kv.modRevision ?? response.revision;
        nextRevision = Math.max(nextRevision, last + 1);
        buffer.push(response);
      }
    } catch (error) {
      // The port promises that it is one.
      if (current === started) buffer.fail(error as KviError);
    }
  }

  // Without a connection it delivers nothing, and still learns that the handle is closed, or the store another one.
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
      void old?.return();
    },
  };
}
