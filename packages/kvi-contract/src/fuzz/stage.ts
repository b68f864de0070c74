import {type Bytes, type Driver, type Event, noLease} from 'kvi-core/driver';
import {type AcceptedDifferenceName, isOrderOfTies} from './accepted-differences.ts';
import {type Describer, describer} from './describe-response.ts';
import {type Names, names} from './names.ts';
import {clearStore, firstKey, firstValue, type FuzzTarget} from './target.ts';
import {emptyTally, type Tally} from './trace.ts';
import {type Watches, watches} from './watches.ts';

/** The environment of a running program. */
export interface Stage {
  /** A handle for the player. */
  readonly control: Driver;
  readonly names: Names;
  readonly describe: Describer;
  readonly watches: Watches;
  readonly tally: Tally;
  /** The handle of this number, opened on first use. */
  handle(index: number): Promise<Driver>;
  /** Opens a handle, replacing the one of this number. */
  open(index: number): Promise<Driver>;
  /** Lets time pass for the store's leases. */
  passTime(ms: number): Promise<void>;
  /** Ends the watches and closes every handle. */
  close(): Promise<void>;
}

/** Empties a store and prepares it for a program. */
export async function setStage(
  target: FuzzTarget,
  {patienceMs, accepted}: {patienceMs: number; accepted: readonly AcceptedDifferenceName[]},
): Promise<Stage> {
  const control = await target.open();
  const start = await clearStore(control);
  const named = names(start);
  const describe = describer(named, accepted.includes('orderOfTies') ? isOrderOfTies : () => false);
  const watching = watches({
    control,
    first: firstEvent(start),
    describe,
    patienceMs,
    ignoreDeletionsAtCompactRevision: accepted.includes('deletionAtCompactRevision'),
  });
  const handles = new Map<number, Driver>();

  async function open(index: number): Promise<Driver> {
    const opened = await target.open();
    handles.set(index, opened);
    return opened;
  }

  return {
    control,
    names: named,
    describe,
    watches: watching,
    tally: emptyTally(),
    handle: async (index) => handles.get(index) ?? open(index),
    open,
    passTime: (ms) => target.passTime?.(ms) ?? wait(ms),
    async close() {
      await watching.stop();
      await Promise.all([control, ...handles.values()].map((driver) => driver.close()));
    },
  };
}

/** The last put of {@link clearStore}. */
function firstEvent(revision: number): Event<Bytes> {
  const history = {createRevision: revision, modRevision: revision, version: 1, lease: noLease};
  return {type: 'put', kv: {key: firstKey, value: firstValue, ...history}};
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
