import {setTimeout as sleep} from 'node:timers/promises';
import type {Bytes, Change, ChangeSet} from 'kvi';

/**
 * Gathers changes until none came for a while. Of each key, the last change is kept.
 *
 * @param quietMs - the while, in milliseconds
 */
export async function* afterQuiet(
  sets: AsyncIterator<ChangeSet<Bytes>, undefined>,
  quietMs: number,
): AsyncGenerator<ChangeSet<Bytes>, undefined> {
  let next = sets.next();
  try {
    for (;;) {
      const first = await next;
      if (first.done === true) return undefined;
      let {revision} = first.value;
      const events = new Map<string, Change<Bytes>>();
      gather(events, first.value);
      next = sets.next();
      while (events.size > 0) {
        const result = await orQuiet(next, quietMs);
        if (result === undefined || result.done === true) break;
        gather(events, result.value);
        ({revision} = result.value);
        next = sets.next();
      }
      yield {revision, events: [...events.values()]};
    }
  } finally {
    next.catch(() => undefined);
    await sets.return?.();
  }
}

function gather(events: Map<string, Change<Bytes>>, set: ChangeSet<Bytes>): void {
  for (const change of set.events) {
    const id = Buffer.from(change.key).toString('latin1');
    // In the order of the last changes.
    events.delete(id);
    events.set(id, change);
  }
}

/** @returns undefined after `quietMs`, or if `next` failed, which the caller learns when it awaits `next` again */
async function orQuiet<R>(next: Promise<R>, quietMs: number): Promise<R | undefined> {
  const over = new AbortController();
  try {
    const quiet = sleep(quietMs, undefined, {signal: over.signal}).catch(() => undefined);
    return await Promise.race([next.catch(() => undefined), quiet]);
  } finally {
    over.abort();
  }
}
