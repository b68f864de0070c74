import {
  type Bytes,
  type Event,
  isKviError,
  type KeyValue,
  type RangeRequest,
  type RangeResponse,
  type RequestOp,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
} from 'kvi-core/driver';
import {describeBytes} from './describe-request.ts';
import type {Names} from './names.ts';

/**
 * Describes the responses of a driver, by names that are the same in every store:
 * `rev +3 ["a"="1"(+1 +3 v2)] of 1`.
 */
export interface Describer {
  range(request: RangeRequest<Bytes>, response: RangeResponse<Bytes>): string;
  txn(request: TxnRequest<Bytes>, response: TxnResponse<Bytes>): string;
  /** `@+3 put "a"="1"(+1 +3 v2)` */
  event(event: Event<Bytes>): string;
  /** The code: messages are for people, and differ. */
  error(error: unknown): string;
  /** The error of a watch: its code and, for `KVI_COMPACTED`, the compact revision, which only watches report. */
  ending(error: unknown): string;
}

/** @param isInNoOrder whether to ignore the order of the answer and, with a limit, its choice of keys */
export function describer(
  {showRevision, leaseName}: Names,
  isInNoOrder: (request: RangeRequest<Bytes>, response: RangeResponse<Bytes>) => boolean,
): Describer {
  function kv({key, value, createRevision, modRevision, version, lease}: KeyValue<Bytes>): string {
    const history = `${showRevision(createRevision)} ${showRevision(modRevision)} v${String(version)}`;
    const under = leaseName(lease) === '-' ? '' : ` ${leaseName(lease)}`;
    return `${describeBytes(key)}=${describeBytes(value)}(${history}${under})`;
  }

  function range(request: RangeRequest<Bytes>, response: RangeResponse<Bytes>): string {
    const {revision, kvs, more, count} = response;
    const found = isInNoOrder(request, response)
      ? kvs.map((item) => sortedBy(request, item, showRevision))
      : kvs.map(kv);
    // With a limit, the choice of keys is ignored; without one, all keys are there in some order.
    if (!more && isInNoOrder(request, response)) found.push(...kvs.map(kv).sort());
    return `rev ${showRevision(revision)} [${found.join(', ')}] of ${String(count)}${more ? ', more' : ''}`;
  }

  function op(request: RequestOp<Bytes> | undefined, response: ResponseOp<Bytes>): string {
    switch (response.type) {
      case 'range':
        if (request?.type !== 'range') break;
        return `range ${range(request, response)}`;
      case 'put': {
        const was = response.prevKv ? ` was ${kv(response.prevKv)}` : '';
        return `put rev ${showRevision(response.revision)}${was}`;
      }
      case 'deleteRange': {
        const were = response.prevKvs.length > 0 ? ` were ${response.prevKvs.map(kv).join(', ')}` : '';
        return `deleteRange rev ${showRevision(response.revision)} deleted ${String(response.deleted)}${were}`;
      }
      case 'txn':
        if (request?.type !== 'txn') break;
        return `txn ${txn(request, response)}`;
    }
    return `an answer of type ${response.type} to ${request?.type ?? 'nothing'}`;
  }

  function txn(request: TxnRequest<Bytes>, response: TxnResponse<Bytes>): string {
    const {revision, succeeded, responses} = response;
    const ops = (succeeded ? request.success : request.failure) ?? [];
    const answers = responses.map((item, i) => op(ops[i], item));
    return `${succeeded ? 'then' : 'else'}, rev ${showRevision(revision)}${answers.length > 0 ? `: ${answers.join('; ')}` : ''}`;
  }

  return {
    range,
    txn,
    event(event) {
      const at = `@${showRevision(event.kv.modRevision)} ${event.type}`;
      const what = kv(event.kv);
      return event.prevKv ? `${at} ${what} was ${kv(event.prevKv)}` : `${at} ${what}`;
    },
    error: codeOf,
    ending(error) {
      const isCompacted = isKviError(error, 'KVI_COMPACTED') && error.compactRevision !== undefined;
      return isCompacted ? `${error.code} at ${showRevision(error.compactRevision)}` : codeOf(error);
    },
  };
}

function codeOf(error: unknown): string {
  return isKviError(error) ? error.code : `threw ${String(error)}`;
}

/** The sort keys of an answer, which do not depend on the order of ties. */
function sortedBy(
  {sortTarget = 'key', keysOnly}: RangeRequest<Bytes>,
  {key, value, createRevision, modRevision, version}: KeyValue<Bytes>,
  showRevision: (revision: number) => string,
): string {
  switch (sortTarget) {
    case 'key':
      return describeBytes(key);
    case 'value':
      return keysOnly === true ? '?' : describeBytes(value);
    case 'version':
      return `v${String(version)}`;
    case 'create':
      return showRevision(createRevision);
    case 'mod':
      return showRevision(modRevision);
  }
}
