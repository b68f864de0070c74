import type {WriteOptions} from '../api/call-options.ts';
import type {Kvi} from '../api/kvi.ts';
import type {CallTime} from '../async/call-time.ts';
import {type Bytes, compareBytes, type Input, show} from '../etcd/bytes.ts';
import {isKviError} from '../etcd/errors.ts';
import {noLease} from '../etcd/lease-id.ts';
import type {KeyValue, RequestOp, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {checkTxn, txnSize} from '../etcd/validate.ts';
import type {Decoder} from '../kvi/codec.ts';
import type {Handle} from '../kvi/handle.ts';
import {naming} from './export-reader.ts';
import {commitLimits, conflict, defaultMaxAttempts, pauseAfter} from './attempts.ts';

/** What an import did with the keys, or would do. */
export interface ImportCounts {
  /** Keys that did not exist. */
  created: number;
  /** Keys that had another value, or a lease that they lose. */
  changed: number;
  /** Keys that were as in the export. */
  unchanged: number;
  /** Keys that the export does not have, with `deleteMissing`. */
  deleted: number;
  /** Keys left as they were, because they are under a lease in the export or in the store. */
  skipped: number;
}

/** What becomes of a key. */
type Verdict = keyof ImportCounts;

/** A key that an import created, changed, deleted or skipped, or would. */
export interface ImportedChange<T extends Input = string> {
  type: Exclude<Verdict, 'unchanged'>;
  key: T;
}

/** A key, as the export has it and as the store has it. */
export interface ImportedKey {
  key: Bytes;
  /** Undefined: the export does not have it. */
  wanted: {value: Bytes; isLeased: boolean; line?: number} | undefined;
  /** Undefined: it does not exist. */
  present: KeyValue<Bytes> | undefined;
}

/** A key that is to be written. */
interface Write extends ImportedKey {
  verdict: Verdict;
}

/** What {@link importWrites} needs to know. */
export interface ImportPlan<T extends Input> {
  store: Kvi<Bytes>;
  handle: Handle;
  decoder: Decoder<T>;
  time: CallTime;
  writeOptions: WriteOptions;
  dryRun: boolean;
  leased: boolean;
  overwriteLeased: boolean;
  onChange: ((change: ImportedChange<T>) => unknown) | undefined;
}

/** The writes of an import, in transactions as large as etcd takes, each if its keys are as they were read. */
export interface ImportWrites {
  /** So far. */
  readonly counts: ImportCounts;
  /** @throws `KVI_INVALID_ARGUMENT` for what is too large, or has no key */
  add(key: ImportedKey): Promise<void>;
  /** Writes what has not been written. @throws `KVI_CONFLICT` */
  flush(): Promise<void>;
  /** Forgets what has not been written, and counts anew, except for what was written. */
  restart(): void;
}

export function importWrites<T extends Input>(plan: ImportPlan<T>): ImportWrites {
  const {store, handle, decoder, time, writeOptions, dryRun, onChange} = plan;
  const limits = commitLimits(handle, writeOptions);
  const counts: ImportCounts = {created: 0, changed: 0, unchanged: 0, deleted: 0, skipped: 0};
  let pending: Write[] = [];
  let pendingBytes = 0;

  /** @returns undefined: it is gone already */
  function judge({wanted, present}: ImportedKey): Verdict | undefined {
    if (wanted?.isLeased === true && !plan.leased) return 'skipped';
    if (present === undefined) return wanted && 'created';
    if (present.lease !== noLease && !plan.overwriteLeased) return 'skipped';
    if (wanted === undefined) return 'deleted';
    const isSame = present.lease === noLease && compareBytes(present.value, wanted.value) === 0;
    return isSame ? 'unchanged' : 'changed';
  }

  /** Refuses what can be neither written nor told. */
  function check(item: ImportedKey): void {
    const {key} = item;
    naming(placeOf(item), () => {
      checkTxn(unconditional([item]), limits);
      if (onChange !== undefined) decoder.key(key);
    });
  }

  async function tell(key: Bytes, type: Verdict): Promise<void> {
    if (onChange === undefined || type === 'unchanged') return;
    const change = {type, key: decoder.key(key)};
    await time.run(() => onChange(change));
  }

  async function add(item: ImportedKey): Promise<void> {
    check(item);
    const verdict = judge(item);
    if (verdict === undefined) return;
    if (verdict === 'unchanged' || verdict === 'skipped') {
      counts[verdict] += 1;
      await tell(item.key, verdict);
      return;
    }
    const bytes = txnSize(conditional([item]), limits.prefixBytes);
    // Stryker disable next-line EqualityOperator: what fits exactly may as well go apart
    if (pending.length === limits.maxTxnOps || pendingBytes + bytes > limits.maxRequestBytes) await flush();
    pending.push({...item, verdict});
    pendingBytes += bytes;
  }

  async function flush(): Promise<void> {
    for (let attempt = 1; pending.length > 0; attempt += 1) {
      const found = await commit();
      const items = pending;
      forget();
      if (found === undefined) {
        for (const {verdict} of items) counts[verdict] += 1;
        for (const {key, verdict} of items) await tell(key, verdict);
        return;
      }
      if (attempt === defaultMaxAttempts) throw conflict(attempt, 'keys had changed each time');
      await pauseAfter(attempt, handle.driver.clock, time);
      for (const [i, item] of items.entries()) await add({...item, present: found[i]});
    }
  }

  function forget(): void {
    pending = [];
    pendingBytes = 0;
  }

  /** @returns what the keys hold, if one of them is not as it was read, so that nothing was written */
  async function commit(): Promise<(KeyValue<Bytes> | undefined)[] | undefined> {
    if (dryRun) return undefined;
    // What is almost as large as a request may be has no room for conditions.
    // Stryker disable next-line EqualityOperator: what fits exactly may as well go without
    const fits = pendingBytes <= limits.maxRequestBytes;
    const request = fits ? conditional(pending) : unconditional(pending);
    try {
      const response = await store.txn(request, writeOptions);
      return response.succeeded ? undefined : keysRead(response);
    } catch (error) {
      // What the deletions deleted is not known, nor asked for.
      if (isKviError(error, 'KVI_UNKNOWN_OUTCOME') && error.applied === true) return undefined;
      throw error;
    }
  }

  function restart(): void {
    forget();
    Object.assign(counts, {unchanged: 0, skipped: 0});
    if (dryRun) Object.assign(counts, {created: 0, changed: 0, deleted: 0});
  }

  return {counts, add, flush, restart};
}

/** What an error names. */
function placeOf({key, wanted}: ImportedKey): string {
  if (wanted === undefined) return 'a missing key';
  return wanted.line === undefined ? `key ${show(key)}` : `line ${wanted.line}, key ${show(key)}`;
}

function unconditional(items: readonly ImportedKey[]): TxnRequest<Bytes> {
  return {
    success: items.map(({key, wanted}): RequestOp<Bytes> =>
      wanted === undefined ? {type: 'deleteRange', key} : {type: 'put', key, value: wanted.value},
    ),
  };
}

/** If nothing has changed since it was read; otherwise it reads again. */
function conditional(items: readonly ImportedKey[]): TxnRequest<Bytes> {
  return {
    compare: items.map(({key, present}) => ({
      key,
      target: 'mod',
      result: '=',
      modRevision: present?.modRevision ?? 0,
    })),
    ...unconditional(items),
    failure: items.map(({key}) => ({type: 'range', key})),
  };
}

function keysRead({responses}: TxnResponse<Bytes>): (KeyValue<Bytes> | undefined)[] {
  // Stryker disable next-line ConditionalExpression: all are reads
  return responses.map((response) => (response.type === 'range' ? response.kvs[0] : undefined));
}
