/** Which fault comes when. The same seed gives the same schedule. */
import {random, type Random} from './random.ts';

/** What can go wrong. {@link file://./faults.ts} makes it happen. */
export const faultKinds = [
  'cut one connection',
  'cut all connections',
  'delay',
  'freeze one network',
  'freeze all networks',
  'swallow requests',
  'swallow answers',
  'refuse',
  'kill leader',
  'kill follower',
  'stop leader',
  'stop follower',
  'flicker leader',
  'isolate leader',
  'isolate follower',
  'change address',
  'run out of space',
  'restore snapshot',
  'compact',
  'stop client',
  'stop lock holder',
  'block event loop',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** A fault to come. The cluster is whole again when it is over. */
export interface PlannedFault {
  kind: FaultKind;
  /** Milliseconds of calm before it. */
  afterMs: number;
  lastsMs: number;
  /** Picks a member or a client, if the kind leaves a choice. */
  choice: number;
}

const calmMs = [300, 1_500] as const;

/** Longer than the TTL of locks and temporary keys, and than it takes to notice a dead connection. */
const longMs = [2_500, 7_000] as const;
const shortMs = [300, 2_000] as const;

/** How long each fault lasts. Faults without a duration are not listed. */
const lasts: Partial<Record<FaultKind, readonly [from: number, to: number]>> = {
  delay: shortMs,
  'freeze one network': longMs,
  // Nothing is served meanwhile, so not for long.
  'freeze all networks': shortMs,
  'swallow requests': shortMs,
  'swallow answers': shortMs,
  refuse: shortMs,
  'kill leader': shortMs,
  'kill follower': shortMs,
  'stop leader': longMs,
  'stop follower': shortMs,
  'flicker leader': longMs,
  'isolate leader': longMs,
  'isolate follower': shortMs,
  'change address': shortMs,
  'run out of space': shortMs,
  'restore snapshot': shortMs,
  compact: shortMs,
  'stop client': longMs,
  'stop lock holder': longMs,
};

/**
 * Plans faults for a run: rounds of every kind, each round in a new order. If there is no time for a whole round, its faults
 * become shorter, so that no run leaves a kind out.
 *
 * @param kinds - default: all
 */
export function schedule(
  seed: number,
  minutes: number,
  kinds: readonly FaultKind[] = faultKinds,
): PlannedFault[] {
  const chance = random(seed);
  const budget = minutes * 60_000;
  const faults = round(chance, kinds);
  if (duration(faults) > budget) return faults.map((fault) => scaled(fault, budget / duration(faults)));
  for (;;) {
    for (const fault of round(chance, kinds)) {
      if (duration([...faults, fault]) > budget) return faults;
      faults.push(fault);
    }
  }
}

function round(chance: Random, kinds: readonly FaultKind[]): PlannedFault[] {
  return chance.shuffle(kinds).map((kind) => {
    const [from, to] = lasts[kind] ?? [0, 0];
    return {
      kind,
      afterMs: chance.between(...calmMs),
      lastsMs: chance.between(from, to),
      choice: chance.integer(60),
    };
  });
}

function scaled(fault: PlannedFault, factor: number): PlannedFault {
  return {...fault, afterMs: fault.afterMs * factor, lastsMs: fault.lastsMs * factor};
}

function duration(faults: readonly PlannedFault[]): number {
  return faults.reduce((sum, {afterMs, lastsMs}) => sum + afterMs + lastsMs, 0);
}
