import type {Kvi} from 'kvi-core';
import type {KeyValue} from 'kvi-core/driver';
import {eventually} from './helpers.ts';

/** Waits until a lock has this many contenders in the store, including its holder. */
export async function untilWaiting(kv: Kvi, name: string, contenders: number): Promise<void> {
  await eventually(
    async () => (await kv.range({prefix: `${name}/`}, {countOnly: true})).count === contenders,
    `${String(contenders)} contend for the lock`,
  );
}

/** The keys of the contenders for a lock, its holder first. */
export async function contendersOf(kv: Kvi, name: string): Promise<KeyValue[]> {
  const {kvs} = await kv.range({prefix: `${name}/`}, {sortTarget: 'create', sortOrder: 'ascend'});
  return kvs;
}
