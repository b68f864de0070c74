import assert from 'node:assert/strict';
import {createKvi, type Keys, type Kvi, type KviOptions} from 'kvi-core';
import {
  type Bytes,
  type Driver,
  type DriverCallOptions,
  type RangeRequest,
  type RangeResponse,
  type TxnRequest,
} from 'kvi-core/driver';
import {exportKeys, type ExportKeysOptions} from 'kvi-core/recipes';
import type {CaseContext} from '../suite.ts';

/** All lines of an export. */
export async function exported(
  kv: Kvi | Kvi<Bytes>,
  keys: Keys,
  options?: ExportKeysOptions,
): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of exportKeys(kv, keys, options)) lines.push(line);
  return lines;
}

/** An export of these keys and values, of revision 7, with all of its lines. */
export function exportOf(prefix: string, entries: Record<string, string>): string[] {
  const names = Object.keys(entries);
  return [
    JSON.stringify({type: 'kvi-export', version: 1, revision: 7, keys: {prefix}}),
    ...names.map((name) => JSON.stringify({key: prefix + name, value: entries[name]})),
    JSON.stringify({type: 'end', keys: names.length, skipped: 0}),
  ];
}

/** Lines of entries in a short notation, `a=1`; of others their type. */
export function shortLines(lines: readonly string[], prefix: string): string[] {
  return lines.map((text) => {
    const line = JSON.parse(text) as {type?: string; key?: string; value?: string};
    return line.type ?? `${line.key?.slice(prefix.length) ?? ''}=${line.value ?? ''}`;
  });
}

/** Stores many small keys, in few transactions. @returns their names */
export async function storeMany(kv: Kvi, prefix: string, count: number, value = 'v'): Promise<string[]> {
  const names = Array.from({length: count}, (_, i) => `${prefix}${String(i).padStart(6, '0')}`);
  for (let i = 0; i < count; i += 128) {
    const batch = names.slice(i, i + 128);
    await kv.txn({success: batch.map((key) => ({type: 'put', key, value}))});
  }
  return names;
}

/** The revision of the store. */
export async function revisionOf(kv: Kvi): Promise<number> {
  return (await kv.range('k', {countOnly: true})).revision;
}

/** A handle on a driver that records what it is asked, and what happens before each of its transactions. */
export async function recorded({open}: Pick<CaseContext, 'open'>, options?: KviOptions) {
  const driver = await open();
  const ranges: RangeRequest<Bytes>[] = [];
  const pages: RangeResponse<Bytes>[] = [];
  const txns: TxnRequest<Bytes>[] = [];
  const calls: (DriverCallOptions | undefined)[] = [];
  const beforeTxn: (() => Promise<unknown>)[] = [];
  const recording: Driver = {
    ...driver,
    async range(...args) {
      ranges.push(args[0]);
      calls.push(args[1]);
      const page = await driver.range(...args);
      pages.push(page);
      return page;
    },
    async txn(...args) {
      txns.push(args[0]);
      calls.push(args[1]);
      await beforeTxn.shift()?.();
      return driver.txn(...args);
    },
  };
  return {client: createKvi(recording, options), ranges, pages, txns, calls, beforeTxn};
}

/** What lies under a prefix, as bytes, without the prefix, and with the lease. */
export async function bytesUnder(kv: Kvi, prefix: string): Promise<string[]> {
  const kvs = await kv.bytes.getRange({prefix});
  const hex = (bytes: Bytes) => Buffer.from(bytes).toString('hex');
  return kvs.map(({key, value}) => `${hex(key.subarray(Buffer.byteLength(prefix)))}=${hex(value)}`);
}

/** Asserts that what was exported is what the store held at a revision. */
export async function assertState(
  kv: Kvi,
  lines: readonly string[],
  prefix: string,
  revision: number,
): Promise<void> {
  const kvs = await kv.getRange({prefix}, {revision});
  assert.deepEqual(
    shortLines(lines, prefix).filter((line) => line.includes('=')),
    kvs.map(({key, value}) => `${key.slice(prefix.length)}=${value}`),
    `it is the state of revision ${String(revision)}`,
  );
}
