import {isDeepStrictEqual} from 'node:util';
import {isBytes} from 'kvi-core/driver';
import type {ModelResponse} from '../model/index.ts';
import type {RecordedCall} from './history.ts';

/** Whether a call was answered as by the model. */
export function matches({request, outcome}: RecordedCall, response: ModelResponse): boolean {
  return isDeepStrictEqual(comparable(request.type, outcome), comparable(request.type, response));
}

/** Whether two values are equal, whatever the class of their bytes. */
export function equal(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(plain(a), plain(b));
}

/** `client 1: txn {"success":[...]} -> {"revision":3,...}` */
export function describeCall({client, request, outcome}: RecordedCall): string {
  const {type, ...rest} = request;
  return `${client}: ${type} ${show(rest)} -> ${show(outcome)}`;
}

/** A value on one line, with bytes as text, one character per byte. */
export function show(value: unknown): string {
  return JSON.stringify(plain(value)) ?? 'undefined';
}

/**
 * The part of an answer to compare. Time stands still in a history, so the remaining TTL is not compared. But for reads and
 * transactions, etcd tells the revision of a moment later, when other calls may have gone on.
 */
function comparable(type: RecordedCall['request']['type'], outcome: RecordedCall['outcome']): unknown {
  if (outcome === 'unknown' || !outcome.ok) return outcome;
  const {value} = outcome;
  if (type === 'range' || type === 'txn' || type === 'elapse') return plain(value);
  const ttl = type === 'leaseTimeToLive' ? {ttlSeconds: undefined} : {};
  return plain({...Object(value), ...ttl, revision: undefined});
}

/** Bytes as text, without undefined fields. */
function plain(value: unknown): unknown {
  if (isBytes(value)) return Buffer.from(value).toString('latin1');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]));
}
