// Not the global one, which a test may have replaced with a fake timer.
import {setImmediate} from 'node:timers';
import {onAbort} from '../async/abort.ts';
import {alarm} from '../async/alarm.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {checkPositiveInteger} from '../etcd/bad-input.ts';
import {outcomeUnknown} from '../etcd/error-texts.ts';
import {aborted, closed, isKviError, KviError} from '../etcd/errors.ts';
import type {RangeRequest, RangeResponse, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {describeTxn, puts, readsPast, writes} from '../etcd/txn-shape.ts';
import {type RequestLimitOptions, requestLimits} from '../etcd/validate.ts';
import {batchOf, fits, join, nothing, type Share, shareOf} from './batch.ts';
import type {Driver, TxnOptions} from './driver.ts';
import {asReads, type Footprint, footprintOf, touchedKeys} from './footprint.ts';

/** How {@link coalesced} sends calls together. */
export interface CoalescingOptions extends RequestLimitOptions {
  /** How many batches of a kind, reads for one, may be under way at a time, 1 or more. Default 2. */
  maxBatchesInFlight?: number | undefined;
}

/** How much a batch may be expected to return. Large values are no faster together. */
const maxReplyBytes = 1024 * 1024;

/** What a key is expected to take of a reply before one was seen. */
const firstReplyBytesPerKey = 1024;

/**
 * What fails a batch though none of its calls is to blame, or after which it may have been applied. Any other error is the
 * fault of one call, so each is sent again by itself.
 */
const failuresOfAll = [
  'KVI_UNAVAILABLE',
  'KVI_TIMEOUT',
  'KVI_ABORTED',
  'KVI_CLOSED',
  'KVI_UNKNOWN_OUTCOME',
  'KVI_INTERNAL',
] as const;

/**
 * What is sent together: a transaction that only reads needs no consensus, and one that only deletes is not refused for want
 * of space.
 */
interface Lane {
  /** The batches that are under way. */
  inFlight: number;
}

/** A call of the driver. */
interface Call {
  /** Waits to be sent, was sent with others or by itself, or has its answer. */
  state: 'queued' | 'together' | 'alone' | 'ended';
  request: TxnRequest<Bytes>;
  isWrite: boolean;
  /** Undefined: it is not sent with others. */
  lane: Lane | undefined;
  options: TxnOptions;
  deadline: number;
  /** Both are made when they are first needed. */
  footprint: Footprint | undefined;
  share: Share | undefined;
  sendAlone(options: TxnOptions): Promise<TxnResponse<Bytes>>;
  resolve(response: TxnResponse<Bytes>): void;
  reject(error: unknown): void;
  /** Stops listening to its signal. */
  ignoreSignal: () => void;
  /** Tells its batch that it waits no longer. */
  leaveBatch: () => void;
}

const doNothing = () => undefined;

/** A batch that calls are put into. */
interface Forming {
  calls: Call[];
  share: Share;
}

/**
 * The same driver, with calls that arrive while others are under way sent together, as one transaction. A call goes out at
 * once if nothing of its kind is under way, so nothing waits for a timer.
 *
 * Only what changes nothing, or says `mayShareRevision`, is sent with others: all puts of a transaction have one revision.
 * Each call keeps its own response, error, deadline and signal. If one of two calls on a key writes it, the second is sent once
 * the first has been answered. A call that goes alone waits only for writes that are sent with others.
 *
 * @throws `KVI_INVALID_ARGUMENT`
 * @see https://github.com/etcd-io/etcd/issues/7228 for what etcd's maintainers warned of
 */
export function coalesced(
  driver: Driver,
  {maxBatchesInFlight = 2, ...given}: CoalescingOptions = {},
): Driver {
  checkPositiveInteger('maxBatchesInFlight', maxBatchesInFlight);
  const {maxTxnOps, maxRequestBytes} = requestLimits(given);
  const {clock} = driver;
  // A batch's size is an estimate, and a large request is no faster than two.
  const limits = {maxTxnOps, maxRequestBytes: maxRequestBytes / 2};
  const reads: Lane = {inFlight: 0};
  const deletions: Lane = {inFlight: 0};
  const otherWrites: Lane = {inFlight: 0};
  /**
   * What was not sent, in the order in which it was called. Not a set: as entries come and go, a set outgrows one table after
   * another, and V8 keeps what those hold until a full collection.
   */
  let queue: Call[] = [];
  /** What was sent, and is of a lane. */
  const batches = new Set<readonly Call[]>();
  /** How many calls have no answer. */
  let unanswered = 0;
  /** How many of them are writes of a lane. */
  let unansweredWrites = 0;
  let replyBytesPerKey = firstReplyBytesPerKey;
  let isClosed = false;
  const nextDeadline = alarm(clock, endWhatIsOverdue);

  function enter(
    request: TxnRequest<Bytes>,
    options: TxnOptions,
    sendAlone: Call['sendAlone'],
  ): Promise<TxnResponse<Bytes>> {
    if (isClosed || options.signal?.aborted === true) return sendAlone(options);
    return new Promise((resolve, reject) => {
      const isWrite = writes(request);
      const call: Call = {
        state: 'queued',
        request,
        isWrite,
        lane: laneOf(request, isWrite, options),
        options,
        deadline: options.timeoutMs === undefined ? Infinity : clock.now() + options.timeoutMs,
        footprint: undefined,
        share: undefined,
        sendAlone,
        resolve,
        reject,
        ignoreSignal: doNothing,
        leaveBatch: doNothing,
      };
      const {lane} = call;
      unanswered += 1;
      if (isWrite && lane !== undefined) unansweredWrites += 1;
      if (unanswered === 1) {
        send([call], lane);
        return;
      }
      queue.push(call);
      wait(call);
      if (lane === undefined || lane.inFlight === 0) sendWhatMayGo();
    });
  }

  function laneOf(request: TxnRequest<Bytes>, isWrite: boolean, options: TxnOptions): Lane | undefined {
    if (!isWrite) return reads;
    // Beside other writes, a read at another revision can corrupt etcd's store: etcd #18667.
    if (options.mayShareRevision !== true || readsPast(request)) return undefined;
    return puts(request) ? otherWrites : deletions;
  }

  /** Sends what needs to wait neither for an earlier call, nor for a batch that is under way. */
  function sendWhatMayGo(): void {
    const forming = new Map<Lane, Forming>();
    for (const call of unansweredWrites === 0 ? queue : withoutConflict()) {
      if (call.state === 'queued') put(call, forming);
    }
    for (const [lane, {calls}] of forming) if (lane.inFlight === 0) send(calls, lane);
    queue = queue.filter(({state}) => state === 'queued');
  }

  /**
   * The queued calls that need not wait for an earlier one. A call that goes alone, such as the release of a lock, waits for no
   * read, and once it is sent, nothing waits for it.
   */
  function* withoutConflict(): Iterable<Call> {
    const touched = touchedKeys();
    for (const call of [...batches].flat()) {
      if (call.state !== 'ended') touched.add((call.footprint ??= footprintOf(call.request)));
    }
    for (const call of queue) {
      if (call.state !== 'queued') continue;
      const footprint = (call.footprint ??= footprintOf(call.request));
      const waitsFor = call.lane === undefined ? asReads(footprint) : footprint;
      const isFree = !touched.conflictsWith(waitsFor);
      touched.add(footprint);
      if (isFree) yield call;
    }
  }

  /** Puts a call into its lane's batch. One that is full does not wait for others that are under way. */
  function put(call: Call, forming: Map<Lane, Forming>): void {
    const {lane} = call;
    if (lane === undefined) {
      send([call], undefined);
      return;
    }
    call.share ??= shareOf(call.request);
    const batch = forming.get(lane);
    const share = join(batch?.share ?? nothing, call.share);
    if (batch === undefined) forming.set(lane, {calls: [call], share});
    else if (fits(share, limits) && share.keys * replyBytesPerKey <= maxReplyBytes) {
      batch.calls.push(call);
      batch.share = share;
    } else if (lane.inFlight < maxBatchesInFlight) {
      send(batch.calls, lane);
      forming.set(lane, {calls: [call], share: call.share});
    }
  }

  function send(batch: readonly Call[], lane: Lane | undefined): void {
    if (lane !== undefined) {
      lane.inFlight += 1;
      batches.add(batch);
    }
    const [first] = batch;
    if (first === undefined) return;
    const isAlone = batch.length === 1;
    void (isAlone ? sendOne(first) : sendTogether(batch)).then(() => {
      batches.delete(batch);
      const goOn = () => {
        if (lane !== undefined) lane.inFlight -= 1;
        sendWhatMayGo();
      };
      // Whoever was answered gets a turn first, so that the next calls go together again.
      if (isAlone && queue.length === 0) goOn();
      else setImmediate(goOn);
    });
  }

  /** Leaves it to the driver to end the call in time. Never throws. */
  async function sendOne(call: Call): Promise<void> {
    call.state = 'alone';
    call.ignoreSignal();
    const {signal, mayShareRevision} = call.options;
    try {
      const timeoutMs = timeLeft(call.deadline);
      succeed(call, await call.sendAlone({timeoutMs, signal, mayShareRevision}));
    } catch (error) {
      fail(call, error);
    }
  }

  /** Never throws. */
  async function sendTogether(batch: readonly Call[]): Promise<void> {
    const over = new AbortController();
    let waiting = batch.length;
    const leaveBatch = () => {
      waiting -= 1;
      if (waiting === 0) over.abort();
    };
    for (const call of batch) {
      call.state = 'together';
      call.leaveBatch = leaveBatch;
    }
    const {request, split} = batchOf(batch.map((call) => call.request));
    const timeoutMs = timeLeft(Math.max(...batch.map(({deadline}) => deadline)));
    try {
      const response = await driver.txn(request, {timeoutMs, signal: over.signal, mayShareRevision: true});
      for (const [i, own] of split(response).entries()) {
        const call = batch[i];
        if (call !== undefined) succeed(call, own);
      }
    } catch (error) {
      const left = batch.filter(({state}) => state !== 'ended');
      if (isKviError(error) && !isKviError(error, ...failuresOfAll)) await Promise.all(left.map(sendOne));
      else for (const call of left) fail(call, failureIn(call, error));
    }
  }

  function timeLeft(deadline: number): number | undefined {
    return deadline === Infinity ? undefined : Math.max(1, deadline - clock.now());
  }

  /** Ends the call itself when its time is over or its signal aborts. */
  function wait(call: Call): void {
    const {signal} = call.options;
    nextDeadline.set(call.deadline);
    call.ignoreSignal = onAbort(signal, () => cutShort(call, aborted(signal)));
  }

  function endWhatIsOverdue(): void {
    const now = clock.now();
    for (const call of [...queue, ...batches].flat()) {
      if (call.state !== 'queued' && call.state !== 'together') continue;
      if (call.deadline <= now) cutShort(call, timedOut(call));
      else nextDeadline.set(call.deadline);
    }
  }

  function cutShort(call: Call, error: KviError): void {
    fail(call, call.isWrite && call.state !== 'queued' ? unknownOutcome(call, error) : error);
    call.leaveBatch();
    // For what has waited for it.
    setImmediate(sendWhatMayGo);
  }

  function succeed(call: Call, response: TxnResponse<Bytes>): void {
    noteReply(response);
    if (end(call)) call.resolve(response);
  }

  function fail(call: Call, error: unknown): void {
    if (end(call)) call.reject(error);
  }

  /** @returns false if it has ended before */
  function end(call: Call): boolean {
    if (call.state === 'ended') return false;
    call.state = 'ended';
    call.ignoreSignal();
    unanswered -= 1;
    if (unanswered === 0) nextDeadline.off();
    if (call.isWrite && call.lane !== undefined) unansweredWrites -= 1;
    return true;
  }

  /** Expects of the next replies what large values took in the last ones. */
  function noteReply({responses}: TxnResponse<Bytes>): void {
    for (const response of responses) {
      if (response.type !== 'range') continue;
      for (const {key, value} of response.kvs) {
        replyBytesPerKey = Math.max(key.length + value.length, replyBytesPerKey * 0.99);
      }
    }
  }

  async function range(
    request: RangeRequest<Bytes>,
    options: TxnOptions = {},
  ): Promise<RangeResponse<Bytes>> {
    // A member without a leader still answers these, but no transaction.
    if (request.serializable === true) return driver.range(request, options);
    const {responses} = await enter({success: [{type: 'range', ...request}]}, options, async (own) =>
      asTxnResponse(await driver.range(request, own)),
    );
    const [response] = responses;
    if (response?.type !== 'range') throw new KviError('KVI_INTERNAL', 'the response to a read is missing');
    const {revision, kvs, more, count} = response;
    return {revision, kvs, more, count};
  }

  return {
    clock,
    compact: (request, options) => driver.compact(request, options),
    leaseGrant: (request, options) => driver.leaseGrant(request, options),
    leaseRevoke: (id, options) => driver.leaseRevoke(id, options),
    leaseKeepAlive: (id, options) => driver.leaseKeepAlive(id, options),
    leaseTimeToLive: (request, options) => driver.leaseTimeToLive(request, options),
    leaseLeases: (options) => driver.leaseLeases(options),
    status: (options) => driver.status(options),
    watch: (request, options) => driver.watch(request, options),
    range,
    txn: (request, options = {}) => enter(request, options, (own) => driver.txn(request, own)),
    async close() {
      isClosed = true;
      for (const call of queue) fail(call, closed());
      await driver.close();
    },
  };
}

function asTxnResponse(response: RangeResponse<Bytes>): TxnResponse<Bytes> {
  return {revision: response.revision, succeeded: true, responses: [{type: 'range', ...response}]};
}

function timedOut({request, options: {timeoutMs = 0}}: Call): KviError {
  const message = `${describeTxn(request)}: gave up after ${Math.round(timeoutMs)} ms; nothing was changed`;
  return new KviError('KVI_TIMEOUT', message);
}

function unknownOutcome({request}: Call, cause: KviError): KviError {
  const message = `${describeTxn(request)}: ${outcomeUnknown(cause.message)}`;
  return new KviError('KVI_UNKNOWN_OUTCOME', message, {cause});
}

/** The error of a call whose batch has failed. */
function failureIn({request, isWrite}: Call, error: unknown): unknown {
  if (!isKviError(error)) return error;
  // What would have changed nothing has not.
  const code = error.code === 'KVI_UNKNOWN_OUTCOME' && !isWrite ? 'KVI_UNAVAILABLE' : error.code;
  const message = `${describeTxn(request)}, which was sent with other calls: ${error.message}`;
  return new KviError(code, message, {cause: error.cause ?? error});
}
