/** The driver below the facade, on bytes that are there already: what it takes of a call, the facade cannot save. */
import {type Bytes, type Driver, prefixEnd} from 'kvi-core/driver';
import {MemStore} from 'kvi-mem';
import type {Round} from '../rounds.ts';
import {type Entry, prefix, rate} from './entries.ts';

interface EncodedEntry {
  key: Bytes;
  value: Bytes;
}

export function driverStoreRound(entries: readonly Entry[], passes: number): Round {
  const encoded = entries.map(encodeEntry);
  return async () => {
    const driver = new MemStore().driver();
    const sample = await rate('calls', passes * encoded.length, async () => {
      for (let pass = 0; pass < passes; pass++) await putAll(driver, encoded);
    });
    const kvs = await readAll(driver);
    const rightly = kvs.filter(({version}) => version === passes);
    if (rightly.length !== entries.length) throw new Error(`the driver put ${rightly.length} keys`);
    await driver.close();
    return sample;
  };
}

export function driverGetRound(entries: readonly Entry[], passes: number): Round {
  const encoded = entries.map(encodeEntry);
  return async () => {
    const driver = new MemStore().driver();
    await putAll(driver, encoded);
    const sample = await rate('calls', passes * encoded.length, async () => {
      for (let pass = 0; pass < passes; pass++) {
        for (const {key} of encoded) {
          const {kvs} = await driver.range({key});
          if (kvs.length !== 1) throw new Error('the driver lost a key');
        }
      }
    });
    await driver.close();
    return sample;
  };
}

/** @returns reads all the entries */
export async function driverScan(entries: readonly Entry[]): Promise<() => Promise<readonly unknown[]>> {
  const driver = new MemStore().driver();
  await putAll(driver, entries.map(encodeEntry));
  return () => readAll(driver);
}

async function putAll(driver: Driver, entries: readonly EncodedEntry[]): Promise<void> {
  for (const {key, value} of entries) await driver.txn({success: [{type: 'put', key, value}]});
}

async function readAll(driver: Driver) {
  const {kvs} = await driver.range({key: Buffer.from(prefix), rangeEnd: prefixEnd(Buffer.from(prefix))});
  return kvs;
}

function encodeEntry({key, value}: Entry): EncodedEntry {
  return {key: Buffer.from(key), value: Buffer.from(value)};
}
