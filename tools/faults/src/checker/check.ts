/** The verdict on one run: pure functions over what clients recorded and what really happened. */
import type {Fault} from '../faults.ts';
import {recordsOf, type Recording} from '../history.ts';
import type {Leaks} from '../leaks.ts';
import type {TrueEvent} from '../truth.ts';
import type {ClientOperation} from './describe.ts';
import {groupBy} from './group-by.ts';
import {checkHolds, type LockFindings} from './locks.ts';
import {checkQueue, type QueueFindings} from './queue.ts';
import {checkRegister} from './registers.ts';
import {checkUnavailability, type Unavailability} from './unavailability.ts';
import {checkWatch, type WatchFindings} from './watches.ts';
import {checkWrites, type WriteFindings} from './writes.ts';

/** What a run produced. */
export interface Evidence {
  histories: readonly Recording[];
  events: readonly TrueEvent[];
  faults: readonly Fault[];
  leaks: Leaks;
  /** How many clients did not exit by themselves. */
  stuckClients: number;
  /** What went wrong with the run itself: clients that died or hung. */
  problems: readonly string[];
}

export interface Report {
  operations: number;
  unknown: number;
  failed: number;
  faults: readonly Fault[];
  writes: WriteFindings;
  notLinearizable: string[];
  watches: WatchFindings;
  locks: LockFindings;
  leaderships: LockFindings;
  queue: QueueFindings;
  /** Leases that were found gone before their time: etcd may end one early (etcd #15247), a restored snapshot lacks some, or a revocation was not answered. */
  leasesGoneEarly: number;
  unavailability: Unavailability;
  leaks: Leaks;
  stuckClients: number;
  problems: readonly string[];
}

export function check({histories, events, faults, leaks, stuckClients, problems}: Evidence): Report {
  const operations = histories.flatMap((history) => recordsOf(history, 'operation'));
  const holds = histories.flatMap((history) => recordsOf(history, 'hold'));
  return {
    operations: operations.length,
    unknown: operations.filter(({outcome}) => outcome === 'unknown').length,
    failed: operations.filter(({outcome}) => outcome === 'failed').length,
    faults,
    writes: checkWrites(operations, events),
    notLinearizable: checkRegisters(operations, events),
    watches: joined(histories.map((history) => checkWatch(history, events))),
    locks: checkHolds('lock', holds, events),
    leaderships: checkHolds('leadership', holds, events),
    queue: checkQueue(
      histories.flatMap((history) => recordsOf(history, 'added')),
      histories.flatMap((history) => recordsOf(history, 'job')),
      events,
    ),
    leasesGoneEarly: histories.flatMap((history) => recordsOf(history, 'leaseEnded')).length,
    unavailability: checkUnavailability(histories, faults),
    leaks,
    stuckClients,
    problems,
  };
}

function checkRegisters(operations: readonly ClientOperation[], events: readonly TrueEvent[]): string[] {
  const byKey = groupBy(operations, ({key}) => key);
  const eventsByKey = groupBy(events, ({key}) => key);
  return [...byKey].flatMap(([key, ofKey]) => checkRegister(ofKey, eventsByKey.get(key) ?? []));
}

function joined(all: readonly WatchFindings[]): WatchFindings {
  return {
    delivered: all.reduce((sum, {delivered}) => sum + delivered, 0),
    lost: all.flatMap(({lost}) => lost),
    repeated: all.flatMap(({repeated}) => repeated),
    outOfOrder: all.flatMap(({outOfOrder}) => outOfOrder),
    toldGaps: all.reduce((sum, {toldGaps}) => sum + toldGaps, 0),
  };
}

/** The promises that were broken, one line each. */
export function brokenPromises(report: Report): string[] {
  const {writes, notLinearizable, watches, locks, leaderships, queue, leaks, stuckClients, problems} = report;
  return [
    ...writes.lost.map((line) => `acknowledged write lost: ${line}`),
    ...writes.misreported.map((line) => `write misreported: ${line}`),
    ...notLinearizable.map((line) => `not linearizable: ${line}`),
    ...watches.lost.map((line) => `watch event lost: ${line}`),
    ...watches.repeated.map((line) => `watch event repeated: ${line}`),
    ...watches.outOfOrder.map((line) => `watch event out of order: ${line}`),
    ...overlaps('locks', locks),
    ...overlaps('leaderships', leaderships),
    ...queue.lost.map((line) => `job lost: ${line}`),
    ...queue.ackedTwice.map((line) => `job acked twice: ${line}`),
    ...queue.misreported.map((line) => `job misreported: ${line}`),
    ...queue.early.map((line) => `job taken early: ${line}`),
    ...queue.overlapping.map((line) => `consumers overlap by loss signal: ${line}`),
    ...leaks.leases.map((lease) => `left behind: lease ${lease}`),
    ...[...leaks.lockKeys, ...leaks.tempKeys, ...leaks.otherKeys].map((key) => `left behind: key ${key}`),
    ...(stuckClients > 0 ? [`${stuckClients} clients did not exit by themselves`] : []),
    ...problems,
  ];
}

function overlaps(what: string, findings: LockFindings): string[] {
  const {overlappingByToken, overlappingWhenAsked, overlappingBySignal} = findings;
  return [
    ...overlappingByToken.map((line) => `${what} overlap by token: ${line}`),
    ...overlappingWhenAsked.map((line) => `${what} overlap when asked: ${line}`),
    ...overlappingBySignal.map((line) => `${what} overlap by loss signal: ${line}`),
  ];
}
