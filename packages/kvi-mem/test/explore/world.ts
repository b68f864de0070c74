import {setImmediate as otherWorkDone} from 'node:timers/promises';
import fc from 'fast-check';
import {createKvi, type Event, type Kvi, type KviOptions} from 'kvi-core';
import type {Bytes, Driver} from 'kvi-core/driver';
import {ManualClock, MemStore} from 'kvi-mem';
import {type Fate, scheduledDriver, type ScheduledDriver} from './scheduled-driver.ts';

/** What fast-check decides before a run; the order of steps it decides during the run. */
export interface Plan {
  /** Of the first calls, in the order in which they are made; the others go well. */
  fates: readonly Fate[];
  /** Milliseconds that pass at the first steps of time; at a step of 0 nothing happens. */
  pauses: readonly number[];
}

/** A handle in a process of its own. */
export interface Client {
  kv: Kvi;
  driver: ScheduledDriver;
  /** Ends the process, and with it what it {@link Client.lives} for. */
  crash(): void;
  /** Runs a part of a client's program, as far as the process gets. */
  lives: <R>(program: Promise<R>) => Promise<R | undefined>;
}

/** A store, its clients, and what happens between them. */
export interface World {
  clock: ManualClock;
  store: MemStore;
  /** Sees the store as it is, at once. */
  truth: Driver;
  clients: Client[];
  /** Resolves when it is the turn of this step. */
  step(label: string): Promise<void>;
  /** Lets other things happen meanwhile, so many steps. */
  steps(count: number, label: string): Promise<void>;
  /** Takes all steps until the programs have ended, and nothing is on its way. */
  run(programs: readonly Promise<unknown>[], check?: () => Promise<void>): Promise<void>;
  /** Takes all steps while so much time passes, or until something has become true. */
  settle(ms: number, until?: () => Promise<boolean>): Promise<void>;
  /** Every event of the store so far. */
  history(): Promise<Event<Bytes>[]>;
  /** What is left of keys, leases, watches and timers. */
  leftovers(): Promise<string[]>;
}

/** How a world is broken on purpose, to see that it is noticed. */
export type Break = (driver: Driver) => Driver;

/** How many programs' worth of idle time is taken for a deadlock: 200 virtual seconds. */
const maxIdleTurns = 400;
const idleMs = 500;

/** @param broken - makes a driver that breaks a promise out of one that keeps it */
export function makeWorld(
  scheduler: fc.Scheduler,
  {fates, pauses}: Plan,
  clientCount: number,
  options: KviOptions = {},
  broken: Break = (driver) => driver,
): World {
  const clock = new ManualClock();
  const store = new MemStore({clock});
  const truth = store.driver();
  const comingFates = [...fates];
  let passing: Promise<void> = Promise.resolve();

  const step = (label: string) => scheduler.schedule(Promise.resolve(), label);

  async function steps(count: number, label: string) {
    for (let i = 0; i < count; i += 1) await step(label);
  }

  async function time() {
    for (const ms of pauses) {
      await step(`${ms} ms pass`);
      if (ms > 0) passing = clock.advance(ms);
    }
  }

  function makeClient(name: string): Client {
    const driver = scheduledDriver({name, store: truth, step, nextFate: () => comingFates.shift() ?? 'ok'});
    let endProcess: (() => void) | undefined;
    const crashed = new Promise<undefined>((resolve) => {
      endProcess = () => resolve(undefined);
    });
    return {
      kv: createKvi(broken(driver), options),
      driver,
      crash() {
        driver.crash();
        endProcess?.();
      },
      lives: (program) => Promise.race([program, crashed]),
    };
  }

  const clients = Array.from({length: clientCount}, (_, i) => makeClient('ABCDEFGH'.charAt(i)));

  return {
    clock,
    store,
    truth,
    clients,
    step,
    steps,
    async run(programs, check) {
      let isDone = false;
      const all = Promise.all([...programs, time()]).then(() => {
        isDone = true;
      });
      let failure: unknown;
      all.catch((error: unknown) => {
        failure = error;
        isDone = true;
      });
      for (let idle = 0; ;) {
        await otherWorkDone();
        await passing;
        await check?.();
        if (failure !== undefined) throw failure as Error;
        if (scheduler.count() > 0) await scheduler.waitNext(1);
        else if (isDone) return;
        else if (idle === maxIdleTurns) throw new Error('a program waits for ever');
        else {
          idle += 1;
          await clock.advance(idleMs);
        }
      }
    },
    async settle(ms, until) {
      for (let passed = 0; passed < ms && (await until?.()) !== true; passed += idleMs) {
        await clock.advance(idleMs);
        while (scheduler.count() > 0) {
          await scheduler.waitNext(1);
          await otherWorkDone();
        }
      }
    },
    async history() {
      const everything = {key: Buffer.of(0), rangeEnd: Buffer.of(0)};
      const {revision} = await truth.range({...everything, limit: 1});
      const events: Event<Bytes>[] = [];
      if (revision === 1) return events;
      const watch = truth.watch({...everything, startRevision: 2});
      for await (const response of watch) {
        events.push(...response.events);
        if (response.revision === revision) return events;
      }
      return events;
    },
    async leftovers() {
      const {kvs} = await truth.range({key: Buffer.of(0), rangeEnd: Buffer.of(0)});
      const {leases} = await truth.leaseLeases();
      const timers = clients.filter(({driver}) => !driver.hasCrashed).map(({driver}) => driver.timers);
      return [
        ...kvs.map(({key}) => `key ${Buffer.from(key).toString()}`),
        ...leases.map((id) => `lease ${id}`),
        ...Array.from({length: store.watchCount}, () => 'watch'),
        ...timers.filter((count) => count > 0).map((count) => `${count} timers`),
      ];
    },
  };
}

/** Faults and time, for most of a run. */
export function plans({
  faults = true,
  time = true,
}: {faults?: boolean; time?: boolean} = {}): fc.Arbitrary<Plan> {
  const fate = fc.oneof(
    {weight: 6, arbitrary: fc.constant<Fate>('ok')},
    {weight: 1, arbitrary: fc.constantFrom<Fate>('refused', 'lost', 'unanswered', 'late', 'silent')},
  );
  const pause = fc.oneof(
    {weight: 2, arbitrary: fc.constant(0)},
    {weight: 2, arbitrary: fc.constantFrom(100, 700, 1300, 2000, 2500)},
  );
  return fc.record({
    fates: faults ? fc.array(fate, {maxLength: 40, size: 'max'}) : fc.constant([]),
    pauses: time ? fc.array(pause, {maxLength: 20, size: 'max'}) : fc.constant([]),
  });
}

const seed = Number(process.env['KVI_EXPLORE_SEED'] ?? 1);
const times = Number(process.env['KVI_EXPLORE_TIMES'] ?? 1);

/** How long a test may take; long, for a machine that has much else to do. */
export const explorationMs = 120_000 * times;

/**
 * How long fast-check explores: as long with each run of the tests and on the same course, unless the environment says
 * otherwise. `KVI_EXPLORE_TIMES=100 KVI_EXPLORE_SEED=7` explores a hundred times as much, on another course. What fails is
 * printed with its seed, path and steps.
 */
export function explore(numRuns: number): fc.Parameters<unknown> {
  return {numRuns: numRuns * times, seed};
}

/** How long fast-check looks for what was broken on purpose; where it is has not to be found out. */
export const untilNoticed: fc.Parameters<unknown> = {numRuns: 500, seed, endOnFailure: true};
