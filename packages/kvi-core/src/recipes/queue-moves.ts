/** The transactions that move a job from one state to another. Each leaves it in exactly one. */
import type {Bytes} from '../etcd/bytes.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import type {Compare, RequestOp, ResponseOp, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {encodeRecord, type HiddenState, type Job, type JobRecord, type QueueLayout} from './queue-layout.ts';

type Op = RequestOp<Bytes>;

/** What is added. */
export interface NewJob {
  id: string;
  value: Bytes;
  record: JobRecord;
}

/** What becomes of a job that is ready no more, or taken no more. */
export interface Fate {
  state: 'ready' | 'delayed' | 'dead';
  /** Seconds that a key of it lives, under a lease that nobody keeps alive; 0: there is none. */
  seconds: number;
}

/** A transaction in terms of the lease that a {@link Fate} needs. */
export type MoveUnder = (lease: LeaseId | undefined) => TxnRequest<Bytes>;

/** What a consumer has taken. */
export interface Taken {
  /** As it was before. */
  job: Job;
  /** The revision of its claim. */
  token: number;
  /** Undefined if somebody deleted it by hand. */
  value: Bytes | undefined;
}

const nothing = Buffer.alloc(0);

/** Adds a job, unless its `dedupKey` is remembered; reads the id that is remembered then. */
export function adding(layout: QueueLayout, job: NewJob, lease: LeaseId | undefined) {
  const {id, value, record} = job;
  const {dedupKey} = record;
  const memory = dedupKey === undefined ? undefined : layout.key('dedup', dedupKey);
  const compare: Compare<Bytes>[] = [];
  const success: Op[] = [{type: 'put', key: layout.key('values', id), value}];
  success.push(...entering(layout, job, {state: lease === undefined ? 'ready' : 'delayed', lease}));
  const failure: Op[] = [];
  if (memory !== undefined) {
    compare.push({key: memory, target: 'create', result: '=', createRevision: 0});
    success.push({type: 'put', key: memory, value: Buffer.from(id)});
    failure.push({type: 'range', key: memory});
  }
  return {compare, success, failure};
}

/**
 * Takes the first of some jobs that is still as it was read, so that consumers who read the same do not get in each other's
 * way. A request that is sent again, because no answer came, reads what the earlier one took, and takes nothing else.
 */
export function taking(layout: QueueLayout, jobs: readonly Job[], lease: LeaseId): TxnRequest<Bytes> {
  const claims = jobs.map(({id}) => layout.key('holds/taken', id));
  return {
    compare: claims.map((key) => ({key, target: 'lease', result: '!=', lease})),
    success: takingFirst(layout, jobs, lease),
    failure: claims.map((key, i) => ({
      type: 'txn',
      compare: [{key, target: 'lease', result: '=', lease}],
      success: [
        {type: 'range', key: layout.key('values', jobs[i]?.id ?? '')},
        {type: 'range', key, keysOnly: true},
      ],
    })),
  };
}

/** Nested as deep as there are jobs: the next one is looked at if the one before it has gone. */
function takingFirst(layout: QueueLayout, [first, ...others]: readonly Job[], lease: LeaseId): Op[] {
  if (first === undefined) return [];
  const {id, record, modRevision} = first;
  const key = layout.key('ready', id);
  return [
    {
      type: 'txn',
      compare: [{key, target: 'mod', result: '=', modRevision}],
      success: [
        {type: 'range', key: layout.key('values', id)},
        {type: 'deleteRange', key},
        {type: 'put', key: layout.key('hidden/taken', id), value: encodeRecord(counted(record))},
        {type: 'put', key: layout.key('holds/taken', id), value: nothing, lease},
      ],
      failure: takingFirst(layout, others, lease),
    },
  ];
}

/** A record with one attempt more. */
export function counted(record: JobRecord): JobRecord {
  return {...record, attempts: record.attempts + 1};
}

/** @returns undefined if others have taken them all */
export function takenOf(jobs: readonly Job[], response: TxnResponse<Bytes>): Taken | undefined {
  return response.succeeded ? takenNow(jobs, response) : takenBefore(jobs, response);
}

function takenNow(
  [job, ...others]: readonly Job[],
  {revision, responses: [nested]}: TxnResponse<Bytes>,
): Taken | undefined {
  if (job === undefined || nested?.type !== 'txn') return undefined;
  if (!nested.succeeded) return takenNow(others, nested);
  return {job, token: revision, value: found(nested.responses[0])?.value};
}

function takenBefore(jobs: readonly Job[], {responses}: TxnResponse<Bytes>): Taken | undefined {
  for (const [i, job] of jobs.entries()) {
    const nested = responses[i];
    const [value, claim] = nested?.type === 'txn' ? nested.responses.map(found) : [];
    if (claim !== undefined) return {job, token: claim.modRevision, value: value?.value};
  }
  return undefined;
}

function found(response: ResponseOp<Bytes> | undefined) {
  return response?.type === 'range' ? response.kvs[0] : undefined;
}

/** Removes a job that its consumer has done, if it still has it. */
export function acking(layout: QueueLayout, job: Pick<Job, 'id' | 'record'>, token: number): MoveUnder {
  return (lease) => ({
    compare: [isClaimed(layout, job.id, token)],
    success: [
      ...leaving(layout, job.id, 'taken'),
      {type: 'deleteRange', key: layout.key('values', job.id)},
      ...forgetting(layout, job, lease),
    ],
  });
}

/** Puts a job back that a consumer has, if it still has it. */
export function returning(
  layout: QueueLayout,
  job: Pick<Job, 'id' | 'record'>,
  token: number,
  state: Fate['state'],
): MoveUnder {
  return (lease) => ({
    compare: [isClaimed(layout, job.id, token)],
    success: [...leaving(layout, job.id, 'taken'), ...entering(layout, job, {state, lease})],
  });
}

/** Puts a job back that is hidden and has no hold, if that is still so. */
export function rescuing(
  layout: QueueLayout,
  hidden: HiddenState,
  {id, record, modRevision}: Job,
  state: Fate['state'],
): MoveUnder {
  return (lease) => ({
    compare: [
      {key: layout.key(`hidden/${hidden}`, id), target: 'mod', result: '=', modRevision},
      {key: layout.key(`holds/${hidden}`, id), target: 'create', result: '=', createRevision: 0},
    ],
    success: [...leaving(layout, id, hidden), ...entering(layout, {id, record}, {state, lease})],
  });
}

/** Puts a dead letter back, or deletes it, if nobody else has done either. */
export function reviving(layout: QueueLayout, {id, record, modRevision}: Job): TxnRequest<Bytes> {
  const key = layout.key('dead', id);
  return {
    compare: [{key, target: 'mod', result: '=', modRevision}],
    success: [
      {type: 'deleteRange', key},
      {type: 'put', key: layout.key('ready', id), value: encodeRecord(record)},
    ],
  };
}

export function burying(layout: QueueLayout, {id, modRevision}: Job): TxnRequest<Bytes> {
  const key = layout.key('dead', id);
  return {
    compare: [{key, target: 'mod', result: '=', modRevision}],
    success: [
      {type: 'deleteRange', key},
      {type: 'deleteRange', key: layout.key('values', id)},
    ],
  };
}

/** That the claim of this token is there: not its lease alone, which may have ended and been taken for granted since. */
function isClaimed(layout: QueueLayout, id: string, token: number): Compare<Bytes> {
  return {key: layout.key('holds/taken', id), target: 'mod', result: '=', modRevision: token};
}

function leaving(layout: QueueLayout, id: string, hidden: HiddenState): Op[] {
  return [
    {type: 'deleteRange', key: layout.key(`hidden/${hidden}`, id)},
    {type: 'deleteRange', key: layout.key(`holds/${hidden}`, id)},
  ];
}

function entering(
  layout: QueueLayout,
  {id, record}: Pick<Job, 'id' | 'record'>,
  {state, lease}: Pick<Fate, 'state'> & {lease: LeaseId | undefined},
): Op[] {
  const value = encodeRecord(record);
  switch (state) {
    case 'ready':
      return [{type: 'put', key: layout.key('ready', id), value}];
    case 'delayed':
      return [
        {type: 'put', key: layout.key('hidden/delayed', id), value},
        {type: 'put', key: layout.key('holds/delayed', id), value: nothing, lease},
      ];
    case 'dead':
      return [{type: 'put', key: layout.key('dead', id), value}, ...forgetting(layout, {id, record}, lease)];
  }
}

/** Forgets the `dedupKey` of a job that is done: now, or with the lease. */
function forgetting(
  layout: QueueLayout,
  {id, record: {dedupKey}}: Pick<Job, 'id' | 'record'>,
  lease: LeaseId | undefined,
): Op[] {
  if (dedupKey === undefined) return [];
  const key = layout.key('dedup', dedupKey);
  return lease === undefined
    ? [{type: 'deleteRange', key}]
    : [{type: 'put', key, value: Buffer.from(id), lease}];
}
