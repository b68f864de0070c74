import {retryUntil} from '../async/retry-until.ts';
import type {CallTime} from '../async/call-time.ts';
import {type Bytes, decodeUtf8, show} from '../etcd/bytes.ts';
import {showValue} from '../etcd/bad-input.ts';
import {invalidArgument, KviError} from '../etcd/errors.ts';
import type {KeyValue, RequestOp, TxnRequest} from '../etcd/messages.ts';
import {checkTxn, txnSize} from '../etcd/validate.ts';
import type {Handle} from '../kvi/handle.ts';
import {mayPass} from '../primitives/contender.ts';

/** What a mirror is, so that another one does not go on from its checkpoint. */
export interface MirrorPlan {
  from: Bytes;
  into: Bytes;
  leased: boolean;
}

/** How far a mirror has got. */
export interface MirrorState {
  /** The cluster that is mirrored: revisions of another one mean nothing. */
  cluster: string;
  /** The last revision of the source that is there as a whole; 0: none. */
  revision: number;
  /** Whether something of a later revision is there too. */
  partial: boolean;
}

/**
 * The checkpoint of a mirror: a key of the target that tells how far it has got. Every write of the mirror compares it and
 * puts it in the same transaction, so nothing is written twice, nor by two mirrors.
 */
export interface MirrorCheckpoint {
  readonly state: MirrorState;
  /**
   * Writes, with the new state, in transactions as large as etcd takes; all but the last leave it as it is, as partial. It is
   * sent until the store has answered.
   *
   * @throws `KVI_CONFLICT` if somebody else wrote the checkpoint; `KVI_INVALID_ARGUMENT` for what is too large
   */
  write(ops: readonly RequestOp<Bytes>[], state: MirrorState): Promise<void>;
}

const version = 1;

/** No shorter than the text of a state, but for what depends on the mirror. */
const stateBytes = 256;

/**
 * Reads the checkpoint.
 *
 * @param key - its key in the target
 * @throws `KVI_INVALID_ARGUMENT` for what is none, or of another mirror
 */
export async function openCheckpoint(
  {driver, options}: Handle,
  key: Bytes,
  plan: MirrorPlan,
  time: CallTime,
): Promise<MirrorCheckpoint> {
  const mirror = describePlan(plan);
  const largestState = Buffer.alloc(JSON.stringify(mirror).length * 3 + stateBytes);

  /** Rides out whatever may pass. */
  function persist<R>(body: (signal: AbortSignal) => Promise<R>): Promise<R> {
    return time.run((ended) => retryUntil(driver.clock, ended, () => body(ended), mayPass));
  }

  async function read(): Promise<KeyValue<Bytes> | undefined> {
    return (await persist((signal) => driver.range({key}, {signal}))).kvs[0];
  }

  const stored = await read();
  let modRevision = stored?.modRevision ?? 0;
  let state: MirrorState = stored ? parse(stored, mirror) : {cluster: '', revision: 0, partial: false};

  function requestOf(ops: readonly RequestOp<Bytes>[], value: Bytes): TxnRequest<Bytes> {
    return {
      compare: [{key, target: 'mod', result: '=', modRevision}],
      success: [...ops, {type: 'put', key, value}],
    };
  }

  async function send(ops: readonly RequestOp<Bytes>[], next: MirrorState): Promise<void> {
    const value = Buffer.from(JSON.stringify({version, mirror, ...next}));
    const request = requestOf(ops, value);
    let mayBeDone = false;
    await persist(async (signal) => {
      try {
        const {succeeded, revision} = await driver.txn(request, {signal});
        if (succeeded) {
          modRevision = revision;
          return;
        }
      } catch (error) {
        mayBeDone = true;
        throw error;
      }
      const present = (await driver.range({key}, {signal})).kvs[0];
      if (!mayBeDone || present === undefined || Buffer.compare(present.value, value) !== 0) throw taken(key);
      // It was applied, and its answer was lost.
      ({modRevision} = present);
    });
    state = next;
  }

  /** Whether these go into one transaction, with the checkpoint. */
  function fits(part: readonly RequestOp<Bytes>[]): boolean {
    const size = txnSize(requestOf(part, largestState), options.prefixBytes);
    return part.length < options.maxTxnOps && size <= options.maxRequestBytes;
  }

  function partsOf(ops: readonly RequestOp<Bytes>[]): RequestOp<Bytes>[][] {
    const parts: RequestOp<Bytes>[][] = [[]];
    for (const op of ops) {
      const part = parts.at(-1) ?? [];
      if (part.length === 0 || fits([...part, op])) part.push(op);
      else parts.push([op]);
    }
    return parts;
  }

  async function write(ops: readonly RequestOp<Bytes>[], next: MirrorState): Promise<void> {
    const all = partsOf(ops);
    for (const part of all) checkTxn({success: part}, options);
    const partial = () => ({...state, partial: true});
    for (const [i, part] of all.entries()) {
      const after = i === all.length - 1 ? next : partial();
      if (part.length === 1 && !fits(part)) {
        // It is almost as large as a request may be, and leaves no room for the checkpoint.
        await send([], partial());
        await persist((ended) => driver.txn({success: part}, {signal: ended}));
        await send([], after);
      } else {
        await send(part, after);
      }
    }
  }

  return {
    get state() {
      return state;
    },
    write,
  };
}

/** As text, and base64 where it is none. */
function describePlan({from, into, leased}: MirrorPlan): Record<string, unknown> {
  const show = (bytes: Bytes) => decodeUtf8(bytes) ?? {base64: Buffer.from(bytes).toString('base64')};
  return {from: show(from), into: show(into), leased};
}

function parse({key, value}: KeyValue<Bytes>, mirror: Record<string, unknown>): MirrorState {
  const text = Buffer.from(value).toString();
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw noCheckpoint(key, text);
  }
  const {cluster, revision, partial} = fields ?? {};
  if (
    fields?.['version'] !== version ||
    typeof cluster !== 'string' ||
    typeof revision !== 'number' ||
    typeof partial !== 'boolean'
  ) {
    throw noCheckpoint(key, text);
  }
  const [its, ours] = [fields['mirror'], mirror].map((plan) => JSON.stringify(plan));
  if (its !== ours) {
    throw invalidArgument(`the checkpoint ${show(key)} is of another mirror, ${its}, and not of ${ours}`);
  }
  return {cluster, revision, partial};
}

function noCheckpoint(key: Bytes, text: string): KviError {
  return invalidArgument(`the key ${show(key)} holds no checkpoint of a mirror: ${showValue(text)}`);
}

function taken(key: Bytes): KviError {
  return new KviError(
    'KVI_CONFLICT',
    `the checkpoint ${show(key)} was written by somebody else; is there another mirror?`,
  );
}
