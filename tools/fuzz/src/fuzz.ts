import {addTally, type Divergence, emptyTally} from 'kvi-contract/fuzz';
import type {EtcdChoice} from './etcds.ts';
import {type LaneReport, runLane} from './lane.ts';

/** What a run of the fuzzer did on one version of etcd. */
export interface FuzzReport extends Omit<LaneReport, 'divergence'> {
  release: EtcdChoice;
  seed: number;
  minutes: number;
  divergences: Divergence[];
}

/** How long to fuzz, and on what. */
export interface FuzzOptions {
  releases: readonly EtcdChoice[];
  minutes: number;
  /** How many programs each lane plays at most. Default: as many as there is time for. */
  programs?: number;
  seed: number;
  /** Lanes for each release: etcds that work at the same time. Default 8. */
  lanes?: number;
  /** Called every half a minute. */
  onProgress?: (reports: readonly FuzzReport[]) => void;
}

const progressIntervalMs = 30_000;

/** Seeds of lanes lie so far apart that no two of them play the same programs. */
const seedsPerLane = 1_000_000;

/**
 * Plays programs on the twin and on etcd, on each release at the same time.
 *
 * Most of the time a lane waits: for a watch that catches up, which etcd attends to ten times a second, or for a lease that
 * expires. So there are more lanes than processors.
 */
export async function fuzz({
  releases,
  minutes,
  programs = Infinity,
  seed,
  lanes = 8,
  onProgress,
}: FuzzOptions): Promise<FuzzReport[]> {
  const deadline = performance.now() + minutes * 60_000;
  const latest = new Map<EtcdChoice, LaneReport[]>(releases.map((release) => [release, []]));
  const reports = () =>
    [...latest].map(([release, found]) => ({release, seed, minutes, ...sum(found.filter(Boolean))}));
  const timer = setInterval(() => onProgress?.(reports()), progressIntervalMs);
  try {
    await Promise.all(
      [...latest].flatMap(([release, found]) =>
        Array.from({length: lanes}, async (_, lane) => {
          const options = {release, seed: seed + lane * seedsPerLane, deadline, programs};
          found[lane] = await runLane({...options, onProgress: (report) => (found[lane] = report)});
        }),
      ),
    );
  } finally {
    clearInterval(timer);
  }
  return reports();
}

function sum(lanes: readonly LaneReport[]): Omit<FuzzReport, 'release' | 'seed' | 'minutes'> {
  const tally = emptyTally();
  for (const lane of lanes) addTally(tally, lane.tally);
  return {
    version: lanes.find(({version}) => version !== '')?.version ?? '',
    programs: lanes.reduce((total, {programs}) => total + programs, 0),
    tally,
    divergences: lanes.flatMap(({divergence}) => divergence ?? []),
  };
}
