/**
 * Checks that each job that was added was acked once, or given up, and that only the consumer who had it could ack it.
 *
 * The store's history tells what happened: a job is there from the put of its value to the deletion, and each claim is a put.
 */
import type {AddedJob, TakenJob} from '../history.ts';
import {queueName} from '../keys.ts';
import type {TrueEvent} from '../truth.ts';
import {groupBy} from './group-by.ts';

export interface QueueFindings {
  added: number;
  acked: number;
  putBack: number;
  /** Lost by consumers, who were told. */
  toldLost: number;
  /** Given up after the last attempt. */
  dead: number;
  /** Added, and neither acked nor given up. */
  lost: string[];
  /** Acked by two consumers, or by one who did not have it. */
  ackedTwice: string[];
  /** Reported as not added, but added; added twice; or said to be acked, and still there. */
  misreported: string[];
  /** Taken before its delay was over. */
  early: string[];
  /** A consumer had not been told of its loss when the next one got the job. */
  overlapping: string[];
}

/** What became of a job, by the store's history. */
interface Job {
  value: string;
  claims: number[];
  /** The revision at which it went. */
  deleted?: number;
  isDead: boolean;
}

type ClientJob = TakenJob & {client: number};

export function checkQueue(
  added: readonly AddedJob[],
  taken: readonly ClientJob[],
  events: readonly TrueEvent[],
): QueueFindings {
  const jobs = jobsIn(events);
  const takenBy = groupBy(taken, ({value}) => value);
  const findings: QueueFindings = {
    added: added.filter(({outcome}) => outcome === 'ok').length,
    acked: countOf(taken, 'acked'),
    putBack: countOf(taken, 'put back'),
    toldLost: countOf(taken, 'lost'),
    dead: jobs.filter(({isDead}) => isDead).length,
    lost: [],
    ackedTwice: [],
    misreported: [],
    early: added.flatMap((job) => takenEarly(job, takenBy.get(job.value) ?? [])),
    overlapping: [...takenBy.values()].flatMap(beliefsThatOverlap),
  };
  checkAdds(
    added,
    groupBy(jobs, ({value}) => value),
    findings,
  );
  for (const job of jobs) checkJob(job, takenBy.get(job.value) ?? [], findings);
  return findings;
}

function countOf(taken: readonly ClientJob[], wanted: TakenJob['outcome']): number {
  return taken.filter(({outcome}) => outcome === wanted).length;
}

function jobsIn(events: readonly TrueEvent[]): Job[] {
  const jobs = new Map<string, Job>();
  for (const {key, value, revision} of events) {
    if (!key.startsWith(`${queueName}/`)) continue;
    const end = key.lastIndexOf('/');
    const [folder, id] = [key.slice(queueName.length + 1, end), key.slice(end + 1)];
    if (folder === 'values' && value !== undefined && !jobs.has(id)) {
      jobs.set(id, {value, claims: [], isDead: false});
    }
    const job = jobs.get(id);
    if (job === undefined) continue;
    if (folder === 'values' && value === undefined) job.deleted = revision;
    if (folder === 'holds/taken' && value !== undefined) job.claims.push(revision);
    if (folder === 'dead') job.isDead = value !== undefined;
  }
  return [...jobs.values()];
}

function checkAdds(added: readonly AddedJob[], jobs: Map<string, Job[]>, findings: QueueFindings): void {
  for (const {value, outcome} of added) {
    const count = jobs.get(value)?.length ?? 0;
    if (outcome === 'ok' && count === 0) findings.lost.push(`${value} was added, and never there`);
    const wasRefused = outcome === 'failed' || outcome === 'false';
    if (wasRefused && count > 0) findings.misreported.push(`${value} was added, though the call failed`);
    if (count > 1) findings.misreported.push(`${value} was added ${count} times`);
  }
}

function checkJob({value, claims, deleted, isDead}: Job, taken: ClientJob[], findings: QueueFindings): void {
  const acks = taken.filter(({outcome}) => outcome === 'acked');
  if (acks.length > 1) findings.ackedTwice.push(acks.map(describe).join(', and '));
  if (deleted === undefined) {
    for (const ack of acks) findings.misreported.push(`${describe(ack)}, and it is still there`);
    if (!isDead) findings.lost.push(`${value} is left over`);
    return;
  }
  const last = claims.at(-1) ?? 0;
  for (const ack of acks) {
    if (ack.token !== last) findings.ackedTwice.push(`${describe(ack)}, which had token ${last} by then`);
  }
  const owner = taken.find(({token}) => token === last);
  if (owner?.outcome !== 'acked' && owner?.outcome !== 'unknown') {
    const who = owner === undefined ? 'nobody' : describe(owner);
    findings.lost.push(`${value} is gone since revision ${deleted}, and ${who} had it last`);
  }
}

function takenEarly({start, delaySeconds}: AddedJob, taken: readonly ClientJob[]): string[] {
  return taken
    .filter((job) => job.taken < start + delaySeconds * 1_000)
    .map(
      (job) =>
        `${describe(job)}, ${(job.taken - start).toFixed(1)} ms after it was added for ${delaySeconds} s later`,
    );
}

function beliefsThatOverlap(taken: readonly ClientJob[]): string[] {
  const inTurn = [...taken].sort((a, b) => a.token - b.token);
  return inTurn.slice(1).flatMap((next, i) => {
    const before = inTurn[i] ?? next;
    if (before.lastUntold <= next.taken) return [];
    const ms = (before.lastUntold - next.taken).toFixed(1);
    return [`${describe(before)} overlaps by ${ms} ms with ${describe(next)}`];
  });
}

function describe({client, value, token, outcome}: ClientJob): string {
  return `client ${client} took ${value} with token ${token}: ${outcome}`;
}
