import type {CallOptions, WriteOptions} from '../api/call-options.ts';
import type {Kvi} from '../api/kvi.ts';
import {type CallTime, callTime} from '../async/call-time.ts';
import {abortable, withDeadline} from '../async/deadline.ts';
import {sharedRead} from '../async/shared-read.ts';
import {
  checkFunction,
  checkNames,
  checkPositiveInteger,
  messageOf,
  reading,
  showValue,
} from '../etcd/bad-input.ts';
import type {Bytes, Input} from '../etcd/bytes.ts';
import {invalidArgument, isKviError, KviError} from '../etcd/errors.ts';
import {maxLeaseId} from '../etcd/lease-id.ts';
import type {Compare, RequestOp} from '../etcd/messages.ts';
import {checkTxn} from '../etcd/validate.ts';
import type {Handle} from '../kvi/handle.ts';
import {insideOf} from '../kvi/inside.ts';
import {optionNames} from '../kvi/option-names.ts';
import {checkLockName, checkTtl} from '../kvi/options.ts';
import {grantLease} from '../lease/grant.ts';
import {underTimedLease} from '../lease/timed-lease.ts';
import {type Codec, decodeValue, encodeValue} from './codec.ts';
import {type DeadLetter, deadLetters} from './dead-letters.ts';
import {type JobOptions, jobOptionNames, type NewJobOptions, readJobOptions} from './job-options.ts';
import type {Claim} from './queue-claim.ts';
import type {QueueContext} from './queue-context.ts';
import {depthOf, depthRequest} from './queue-depth.ts';
import {type QueueItem, queueItem} from './queue-item.ts';
import {newJobId, queueLayout} from './queue-layout.ts';
import {type QueueLine, queueLine} from './queue-line.ts';
import {adding, type NewJob} from './queue-moves.ts';
import {sharedParts} from './shared-parts.ts';

/** Options of {@link queue}. */
export interface QueueOptions<Out, In = Out> {
  /** Turns jobs into bytes and back. */
  codec: Codec<Out, In>;
  /** Seconds within which the jobs of a consumer that crashed come back. Default: the handle's. */
  ttlSeconds?: number | undefined;
  /**
   * How many jobs may wait, as {@link Queue.depth} counts them. It is a soft bound: producers who add at the same time may
   * exceed it by their number. Default: no bound.
   */
  maxDepth?: number | undefined;
  /** How often a job may be taken before it becomes a dead letter. Default 16. */
  maxAttempts?: number | undefined;
}

/** Options of {@link Queue.add}. */
export interface AddOptions extends JobOptions, WriteOptions {}

/** Options of {@link Queue.prepareAdd}. */
export interface PrepareAddOptions extends JobOptions, CallOptions {}

/** What became of a job. */
export interface Added {
  /** False: a job of its `dedupKey` is there, or remembered. */
  added: boolean;
  /** The job's id; for a duplicate, the id of the job that is there. */
  id: string;
}

/** A job for a transaction of the caller's. */
export interface PreparedAdd {
  /** Holds unless the `dedupKey` is remembered. */
  readonly compare: Compare<Bytes>[];
  readonly success: RequestOp<Bytes>[];
}

/** Options of {@link Queue.take}. */
export interface TakeOptions {
  /** Ends the wait with `KVI_ABORTED`; no job is lost. */
  signal?: AbortSignal | undefined;
  /** Milliseconds to wait at most. Default: as long as it takes. */
  timeoutMs?: number | undefined;
}

/** Options of {@link Queue.takeBatch}. */
export interface TakeBatchOptions extends TakeOptions {
  /** How many items to take, 1 or more. */
  max: number;
}

/** A queue; see {@link queue}. */
export interface Queue<Out, In = Out> {
  readonly name: string;
  /**
   * Adds a job. Producers never conflict with each other.
   *
   * @throws `KVI_QUEUE_FULL`; `KVI_INVALID_VALUE` if the codec refuses the job; `KVI_UNKNOWN_OUTCOME` if no answer came:
   *   adding it again may add it twice, unless it has a `dedupKey`; as {@link Kvi.txn}
   */
  add(job: In, options?: AddOptions): Promise<Added>;
  /**
   * Prepares to add a job in a transaction of the caller's: `kv.txn({compare: [...compare, ...], success: [...success, ...]})`,
   * of the same handle or namespace. It reads, and writes nothing; only with `delaySeconds` it grants a lease: the delay
   * counts from then, and once it is over the transaction fails with `KVI_LEASE_NOT_FOUND`.
   *
   * The job takes its place in the order now. Use it once: it is one job.
   *
   * @throws as {@link Queue.add}, and never `KVI_UNKNOWN_OUTCOME`
   */
  prepareAdd(job: In, options?: PrepareAddOptions): Promise<PreparedAdd>;
  /**
   * Takes the next job, waiting for one as long as it takes: the lowest priority first, and of those the one that was added
   * first. Calls of one handle are served first come, first served.
   *
   * @throws `KVI_TIMEOUT` after `timeoutMs`, `KVI_ABORTED`, `KVI_CLOSED`; `KVI_INVALID_VALUE` for a job that the codec
   *   cannot decode, which counts as a failed attempt
   */
  take(options?: TakeOptions): Promise<QueueItem<Out>>;
  /**
   * Waits for at least one job, and takes as many as there are then, 128 at most. Jobs that the codec cannot decode are put
   * back as failed attempts, and left out.
   *
   * @throws as {@link Queue.take}, `KVI_INVALID_VALUE` if none can be decoded
   */
  takeBatch(options: TakeBatchOptions): Promise<QueueItem<Out>[]>;
  /**
   * Counts the jobs that wait: those that can be taken, those whose delay is not over, and those whose consumer was lost. Not
   * those that consumers have, nor dead letters.
   */
  depth(options?: CallOptions): Promise<number>;
  /**
   * Reads the jobs that were given up, a page at a time, in the order of priority and arrival.
   *
   * Ends with `KVI_ABORTED` or `KVI_CLOSED`, and with what a read throws.
   */
  deadLetters(options?: {signal?: AbortSignal | undefined}): AsyncGenerator<DeadLetter<Out>, undefined>;
}

// Stryker disable BooleanLiteral: only the names count
const queueOptionNames = Object.keys({
  codec: true,
  ttlSeconds: true,
  maxDepth: true,
  maxAttempts: true,
} satisfies Record<keyof QueueOptions<unknown>, true>);
// Stryker restore BooleanLiteral

const defaultMaxAttempts = 16;

/** The consumers of equal queues of a handle wait together. */
const lines = sharedParts<QueueLine>();

/**
 * A queue of jobs, for any number of producers and consumers. Each job is delivered at least once: a consumer has it under a
 * lease, and must ack it. A job whose consumer crashes, loses its lease or stalls comes back, and what is left of that
 * consumer can no longer ack it.
 *
 * ```ts
 * const jobs = queue(kv, 'jobs', {codec: json<Job>()});
 * await jobs.add({mail: 'welcome', to: 'ada@example.org'});
 * await using item = await jobs.take({signal});
 * await send(item.value, item.signal);
 * await item.ack();
 * ```
 *
 * A queue holds nothing, and need not be closed. Its keys are below `<name>/`: do not store others there.
 *
 * @param name - of the queue, for everybody
 * @throws `KVI_INVALID_ARGUMENT` for an empty name, an option that is out of bounds, or what is no handle of kvi's
 */
export function queue<Out, In = Out>(
  kv: Kvi<Input>,
  name: string,
  options: QueueOptions<Out, In>,
): Queue<Out, In> {
  const {handle} = insideOf(kv);
  const {driver, closing} = handle;
  const {clock} = driver;
  const {codec, maxDepth, ...settings} = reading(() => readQueueOptions(handle, name, options));
  const layout = queueLayout(name);
  const context: QueueContext = {handle, name, layout, ...settings};
  const equal = JSON.stringify([name, context.ttlSeconds, context.maxAttempts]);
  const line = lines(handle, equal, () => queueLine(context, kv.bytes));

  /** What places a new job: the store's revision and, if there is a bound, the depth. */
  const look = sharedRead(async (): Promise<{revision: number; depth: number}> => {
    if (maxDepth !== undefined) return depthOf(await driver.txn(depthRequest(layout)));
    const {revision} = await driver.range({key: layout.key('ready', ''), keysOnly: true});
    return {revision, depth: 0};
  });

  function begin(given: (JobOptions & WriteOptions) | undefined, names: readonly string[]) {
    const {job, own} = handle.begin(given, [...names, ...jobOptionNames], (read = {}) => ({
      job: readJobOptions(read),
      own: read,
    }));
    const {timeoutMs = handle.options.timeoutMs, signal, retryPolicy, onUnknownOutcome} = own;
    const time = callTime(clock, {timeoutMs, signal, closing});
    return {job, time, callOptions: {signal, retryPolicy, onUnknownOutcome}};
  }

  async function newJob(value: In, {priority, record, delaySeconds}: NewJobOptions, time: CallTime) {
    const encoded = await time.run(() => encodeValue(codec, value, name));
    const job = (revision: number, number: number): NewJob => ({
      id: newJobId(priority, revision, number),
      value: encoded,
      record,
    });
    checkTxn(adding(layout, job(0, 0), delaySeconds > 0 ? maxLeaseId : undefined), handle.options);
    const {result, number} = await time.run(look);
    checkDepth(result.depth + number);
    return job(result.revision, number);
  }

  function checkDepth(depth: number): void {
    if (maxDepth === undefined || depth < maxDepth) return;
    const message = `the queue ${JSON.stringify(name)} is full: it may have ${maxDepth} jobs (maxDepth)`;
    throw new KviError('KVI_QUEUE_FULL', message);
  }

  async function add(value: In, addOptions?: AddOptions): Promise<Added> {
    const {job: jobOptions, time, callOptions} = begin(addOptions, optionNames.write);
    const job = await newJob(value, jobOptions, time);
    const {succeeded, responses} = await underTimedLease(
      driver,
      jobOptions.delaySeconds,
      (grant) => time.run(grant),
      (lease) => handle.txn(adding(layout, job, lease), {...callOptions, timeoutMs: time.left()}),
    );
    if (succeeded) return {added: true, id: job.id};
    const [there] = responses;
    // Stryker disable next-line all: a transaction answers each of its operations
    const id = there?.type === 'range' ? Buffer.from(there.kvs[0]?.value ?? []).toString() : '';
    return {added: false, id};
  }

  async function prepareAdd(value: In, prepareOptions?: PrepareAddOptions): Promise<PreparedAdd> {
    const {job: jobOptions, time} = begin(prepareOptions, optionNames.call);
    const {delaySeconds} = jobOptions;
    const job = await newJob(value, jobOptions, time);
    const lease =
      delaySeconds > 0 ? await time.run((ended) => grantLease(driver, delaySeconds, ended)) : undefined;
    const {compare, success} = adding(layout, job, lease?.id);
    return {compare, success};
  }

  /** Takes what there is, and leaves out what the codec cannot decode. */
  async function takeItems(max: number, {timeoutMs, signal}: TakeOptions): Promise<QueueItem<Out>[]> {
    try {
      return await withDeadline(clock, {timeoutMs, signal, closing}, async (ended) => {
        const claims = await line.next(max, ended);
        const items = await Promise.allSettled(claims.map((claim) => open(claim, ended)));
        const opened = items.flatMap((item) => (item.status === 'fulfilled' ? item.value : []));
        const failed = items.find((item) => item.status === 'rejected');
        if (failed !== undefined && opened.length === 0) throw failed.reason;
        return opened;
      });
    } catch (error) {
      throw timeoutMs !== undefined && isKviError(error, 'KVI_TIMEOUT')
        ? nothingCame(name, timeoutMs)
        : error;
    }
  }

  /** Decodes what was taken; otherwise puts it back. */
  async function open(claim: Claim, ended: AbortSignal): Promise<QueueItem<Out>> {
    try {
      const value = await abortable(decoded(claim), ended);
      return queueItem(handle, claim, value);
    } catch (error) {
      if (ended.aborted) void claim.undo();
      else await claim.nack({reason: messageOf(error)}).catch(() => claim.giveBack());
      throw error;
    }
  }

  async function decoded({id, value}: Claim): Promise<Out> {
    if (value !== undefined) return decodeValue(codec, value, name);
    throw new KviError('KVI_INVALID_VALUE', `the value of the job ${id} was deleted`);
  }

  async function take(takeOptions?: TakeOptions): Promise<QueueItem<Out>> {
    const own = handle.begin(takeOptions, ['signal', 'timeoutMs'], (read = {}) => read);
    const [item] = await takeItems(1, own);
    // Stryker disable next-line all: for the types alone
    if (item === undefined) throw new KviError('KVI_INTERNAL', 'a consumer that waits gets an item');
    return item;
  }

  async function takeBatch(batchOptions: TakeBatchOptions): Promise<QueueItem<Out>[]> {
    const {max, ...own} = handle.begin(batchOptions, ['max', 'signal', 'timeoutMs'], (read) => {
      if (read === undefined) throw invalidArgument('pass how many items to take: {max}');
      checkPositiveInteger('max', read.max);
      return read;
    });
    return takeItems(max, own);
  }

  async function depth(callOptions?: CallOptions): Promise<number> {
    const own = handle.begin(callOptions, optionNames.call, (read) => read);
    return depthOf(await driver.txn(depthRequest(layout), own)).depth;
  }

  async function* letters(given?: {
    signal?: AbortSignal | undefined;
  }): AsyncGenerator<DeadLetter<Out>, undefined> {
    const {signal} = handle.begin(given, ['signal'], (own = {}) => own);
    yield* deadLetters(context, codec, signal);
  }

  return {name, add, prepareAdd, take, takeBatch, depth, deadLetters: letters};
}

function readQueueOptions<Out, In>(handle: Handle, name: string, given: QueueOptions<Out, In>) {
  checkLockName(name, "a queue's");
  if (typeof given !== 'object' || given === null) {
    throw invalidArgument(`options must be an object with a codec, not ${showValue(given)}`);
  }
  const {codec, ttlSeconds = handle.options.ttlSeconds, maxDepth, maxAttempts = defaultMaxAttempts} = given;
  checkNames('option', given, queueOptionNames);
  checkFunction('codec.encode', codec?.encode);
  checkFunction('codec.decode', codec?.decode);
  checkTtl(ttlSeconds);
  if (maxDepth !== undefined) checkPositiveInteger('maxDepth', maxDepth);
  checkPositiveInteger('maxAttempts', maxAttempts);
  return {codec, ttlSeconds, maxDepth, maxAttempts};
}

function nothingCame(name: string, waitedMs: number): KviError {
  return new KviError('KVI_TIMEOUT', `the queue ${JSON.stringify(name)} had no job within ${waitedMs} ms`);
}
