import {addTally, compareTargets, type Divergence, emptyTally, type Tally} from 'kvi-contract/fuzz';
import {type EtcdChoice, start} from './etcds.ts';
import {etcdTarget, memTarget} from './targets.ts';

/** What was compared, and what was found. */
export interface LaneReport {
  /** Of etcd: `3.4.23` */
  version: string;
  programs: number;
  tally: Tally;
  divergence: Divergence | undefined;
}

/** What {@link runLane} is told. */
export interface LaneOptions {
  release: EtcdChoice;
  seed: number;
  /** Of `performance.now()`. */
  deadline: number;
  /** How many to play at most; batches are played to the end. */
  programs: number;
  /** Called after each batch. */
  onProgress?: (report: LaneReport) => void;
}

/** Programs of one seed, which a replay has to count through. */
const programsPerBatch = 25;

/** An etcd keeps what it once wrote, on disk and partly in memory. */
const batchesPerEtcd = 40;

/**
 * Plays programs on a twin and on an etcd of its own, one after the other, until there were enough, the time is up or they
 * differ.
 */
export async function runLane({
  release,
  seed,
  deadline,
  programs,
  onProgress,
}: LaneOptions): Promise<LaneReport> {
  const report: LaneReport = {version: '', programs: 0, tally: emptyTally(), divergence: undefined};
  const isOver = () =>
    performance.now() >= deadline || report.programs >= programs || report.divergence !== undefined;
  let batch = 0;
  while (!isOver()) {
    await using etcd = await start(release);
    report.version = etcd.version;
    const theirs = etcdTarget(etcd);
    for (let left = batchesPerEtcd; left > 0 && !isOver(); left -= 1) {
      const found = await compareTargets(memTarget(), theirs, {seed: seed + batch, runs: programsPerBatch});
      batch += 1;
      report.programs += found.programs;
      addTally(report.tally, found.tally);
      report.divergence = found.divergence;
      onProgress?.(report);
    }
  }
  return report;
}
