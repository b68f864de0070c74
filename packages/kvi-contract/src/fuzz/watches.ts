import {type Bytes, type Driver, type Event, everyKey, type WatchRequest} from 'kvi-core/driver';
import {isDeletionAtCompactRevision} from './accepted-differences.ts';
import type {Describer} from './describe-response.ts';
import {isDue} from './history.ts';
import type {Step} from './trace.ts';
import {readWatch, type WatchReading} from './watch-reading.ts';

/** The options of {@link watches}. */
export interface WatchesOptions {
  /** A handle for the player. */
  control: Driver;
  /** The event at the revision at which the program starts. */
  first: Event<Bytes>;
  describe: Describer;
  /** How long expected events may take. */
  patienceMs: number;
  /** Whether to ignore deletions at the compact revision. */
  ignoreDeletionsAtCompactRevision: boolean;
}

/** The watches of a running program. */
export interface Watches {
  /**
   * Starts a watch in a slot.
   *
   * @returns the first watched revision; undefined if it was compacted
   */
  start(
    slot: number,
    handle: number,
    driver: Driver,
    request: WatchRequest<Bytes>,
  ): Promise<number | undefined>;
  cancel(slot: number): Promise<void>;
  /** Called when a handle was closed: its watches have to end. */
  handleClosed(handle: number): void;
  /** Waits until each watch has delivered what is due, and returns what it delivered since the last time. */
  sync(): Promise<Step[]>;
  /** Waits until each watch has caught up, so that a compaction cannot overtake it. */
  settle(): Promise<void>;
  /** Called when the store was compacted. */
  compacted(revision: number): void;
  /** Ends every watch. */
  stop(): Promise<void>;
}

interface Watch {
  reading: WatchReading;
  handle: number;
  /** The compact revision of the store when the watch started. */
  compactedBefore: number;
  mustEnd: boolean;
  /** Whether it is known to have caught up. */
  isLive: boolean;
  /** How many of its events were returned. */
  told: number;
}

/**
 * Watches deliver at any time, and a watch without events is silent. To make results reproducible, one more watch, of
 * every key, shows what happened and thereby what each of the others has to deliver.
 */
export function watches(options: WatchesOptions): Watches {
  const {control, first, describe, patienceMs, ignoreDeletionsAtCompactRevision} = options;
  const running = new Map<number, Watch>();
  let compactRevision = first.kv.modRevision;
  const everything = {...everyKey, startRevision: first.kv.modRevision + 1};
  const witness = readWatch(control.watch(everything), everything);

  function isIgnored({reading: {request}, compactedBefore}: Watch, event: Event<Bytes>): boolean {
    return ignoreDeletionsAtCompactRevision && isDeletionAtCompactRevision(request, compactedBefore, event);
  }

  function hasAll(watch: Watch): boolean {
    const {reading, mustEnd} = watch;
    if (mustEnd || reading.end) return reading.end !== undefined;
    const isExpected = (event: Event<Bytes>) => isDue(reading.request, event) && !isIgnored(watch, event);
    const due = [first, ...witness.events].filter(isExpected).length;
    return reading.events.filter((event) => !isIgnored(watch, event)).length >= due;
  }

  async function untilAll(name: string, watch: Watch): Promise<Step[]> {
    const {reading} = watch;
    const isComplete = await reading.until(() => hasAll(watch), patienceMs);
    const fresh = reading.events.slice(watch.told).filter((event) => !isIgnored(watch, event));
    watch.told = reading.events.length;
    watch.isLive ||= reading.events.length > 0;
    const answer = [
      ...fresh.map((event) => describe.event(event)),
      ...(reading.end ? [`ends with ${describe.ending(reading.end.error)}`] : []),
      ...reading.brokenPromises.map((broken) => `BROKEN: ${broken}`),
      ...(isComplete ? [] : [watch.mustEnd ? 'MISSING: its end' : 'MISSING: events']),
    ];
    return answer.length === 0 ? [] : [{call: name, answer: answer.join(', '), events: fresh.length}];
  }

  async function cancel(slot: number): Promise<void> {
    const watch = running.get(slot);
    running.delete(slot);
    await watch?.reading.stop();
  }

  return {
    async start(slot, handle, driver, request) {
      await cancel(slot);
      const watch = driver.watch(request);
      const {startRevision = Infinity} = request;
      const mustEnd = startRevision < compactRevision;
      // A driver may create a watch with a compacted start for a moment, or not at all.
      const created = mustEnd ? undefined : await watch.created;
      const reading = readWatch(watch, {...request, startRevision: created});
      running.set(slot, {
        reading,
        handle,
        compactedBefore: compactRevision,
        mustEnd,
        isLive: request.startRevision === undefined,
        told: 0,
      });
      return created;
    },
    cancel,
    handleClosed(handle) {
      for (const watch of running.values()) if (watch.handle === handle) watch.mustEnd = true;
    },
    async sync() {
      const {revision} = await control.range({...everyKey, countOnly: true});
      const last = () => witness.events.at(-1)?.kv.modRevision ?? first.kv.modRevision;
      const isUpToDate = await witness.until(
        () => last() >= revision || witness.end !== undefined,
        patienceMs,
      );
      const steps: Step[] = [];
      if (!isUpToDate || witness.end) steps.push({call: 'the watch of every key', answer: 'MISSING: events'});
      for (const [slot, watch] of [...running].sort(([a], [b]) => a - b)) {
        steps.push(...(await untilAll(`w${String(slot)}`, watch)));
        if (watch.reading.end) running.delete(slot);
      }
      return steps;
    },
    async settle() {
      const present = witness.events.at(-1)?.kv.modRevision ?? first.kv.modRevision;
      const waiting = [...running.values()].filter(({isLive}) => !isLive);
      if (waiting.length === 0 || present <= compactRevision) return;
      // etcd lets watches that start in the past catch up together, ten times a second: a later one gets its turn with
      // them or after them. A watch without events does not show when it has caught up.
      const request = {...everyKey, startRevision: present};
      const late = readWatch(control.watch(request), request);
      await late.until(() => late.events.length > 0 || late.end !== undefined, patienceMs);
      await late.stop();
      for (const watch of waiting) watch.isLive = true;
    },
    compacted(revision) {
      compactRevision = revision;
    },
    async stop() {
      await witness.stop();
      for (const {reading} of running.values()) await reading.stop();
      running.clear();
    },
  };
}
