import type {Kvi} from 'kvi-core';
import type {KeyValue} from 'kvi-core/driver';
import {eventually} from './helpers.ts';

/** Waits until so many contend for a lock in the store, its holder included. */
export async function untilWaiting(kv: Kvi, name: string, contenders: number): Promise<void> {
  await eventually(
    async () => (await kv.range({prefix: `${name}/`}, {countOnly: true})).count === contenders,
    `${String(contenders)} contend for the lock`,
  );
}

/** The keys of those who contend for a lock, its holder first. */
export async function contendersOf(kv: Kvi, name: string): Promise<KeyValue[]> {
  const {kvs} = await kv.range({prefix: `${name}/`}, {sortTarget: 'create', sortOrder: 'ascend'});
  return kvs;
}
