/** Prints reports side by side, a column each. */
import type {Report} from './checker/check.ts';
import {faultKinds} from './schedule.ts';

type Row = readonly [name: string, cell: (report: Report) => string | number];

const rows: readonly Row[] = [
  ['operations', ({operations}) => operations],
  ['  outcome unknown (allowed)', ({unknown}) => unknown],
  ['  failed, nothing applied (allowed)', ({failed}) => failed],
  ['acknowledged writes lost', ({writes}) => writes.lost.length],
  ['operations wrongly reported', ({writes}) => writes.misreported.length],
  ['operations that are not linearizable', ({notLinearizable}) => notLinearizable.length],
  ['watch events delivered', ({watches}) => watches.delivered],
  ['  lost', ({watches}) => watches.lost.length],
  ['  repeated', ({watches}) => watches.repeated.length],
  ['  out of order', ({watches}) => watches.outOfOrder.length],
  ['  gaps by compaction that were told (allowed)', ({watches}) => watches.toldGaps],
  ['locks held', ({locks}) => locks.held],
  ['  lost, and the holder told (allowed)', ({locks}) => locks.toldLost],
  ['  holders overlapping by fencing token', ({locks}) => locks.overlappingByToken.length],
  ['  holders overlapping when asked', ({locks}) => locks.overlappingWhenAsked.length],
  ['  holders overlapping by loss signal', ({locks}) => locks.overlappingBySignal.length],
  ['leaderships', ({leaderships}) => leaderships.held],
  ['  lost, and the leader told (allowed)', ({leaderships}) => leaderships.toldLost],
  ['  leaders overlapping by fencing token', ({leaderships}) => leaderships.overlappingByToken.length],
  ['  leaders overlapping when asked', ({leaderships}) => leaderships.overlappingWhenAsked.length],
  ['  leaders overlapping by loss signal', ({leaderships}) => leaderships.overlappingBySignal.length],
  ['jobs added to the queue', ({queue}) => queue.added],
  ['  acked', ({queue}) => queue.acked],
  ['  put back (allowed)', ({queue}) => queue.putBack],
  ['  lost by a consumer, who was told (allowed)', ({queue}) => queue.toldLost],
  ['  given up after the last attempt (allowed)', ({queue}) => queue.dead],
  ['  lost for good', ({queue}) => queue.lost.length],
  ['  acked twice', ({queue}) => queue.ackedTwice.length],
  ['  wrongly reported', ({queue}) => queue.misreported.length],
  ['  taken before their delay was over', ({queue}) => queue.early.length],
  ['  consumers overlapping by loss signal', ({queue}) => queue.overlapping.length],
  ['leases found gone before their time (allowed)', ({leasesGoneEarly}) => leasesGoneEarly],
  ['left behind: leases', ({leaks}) => leaks.leases.length],
  ['left behind: keys of locks and elections', ({leaks}) => leaks.lockKeys.length],
  ['left behind: temporary keys', ({leaks}) => leaks.tempKeys.length],
  ['left behind: other keys', ({leaks}) => leaks.otherKeys.length],
  ['clients that did not exit by themselves', ({stuckClients}) => stuckClients],
  ['clients that failed or hung', ({problems}) => problems.length],
  ['longest unavailability, ms', ({unavailability}) => Math.round(unavailability.longestMs)],
];

const faultRows: readonly Row[] = faultKinds.map((kind) => [
  `  ${kind}: times, longest unavailability in ms`,
  ({faults, unavailability}) => {
    const times = faults.filter((fault) => fault.kind === kind).length;
    const ms = unavailability.byFault.get(kind);
    return ms === undefined ? times : `${times}, ${Math.round(ms)}`;
  },
]);

export function table(reports: Readonly<Record<string, Report>>): string {
  const columns = Object.entries(reports);
  const all: Row[] = [...rows, ['faults', ({faults}) => faults.length], ...faultRows];
  const width = Math.max(...all.map(([name]) => name.length));
  const line = (name: string, cells: readonly (string | number)[]): string =>
    [name.padEnd(width), ...cells.map((cell) => String(cell).padStart(12))].join('');
  return [
    line(
      '',
      columns.map(([name]) => name),
    ),
    ...all.map(([name, cell]) =>
      line(
        name,
        columns.map(([, report]) => cell(report)),
      ),
    ),
  ].join('\n');
}
