/** The stores of text, kvi's among them, by name. */
import {open} from 'kvi';
import {MemStore} from 'kvi-mem';
import {peerStores, type TextStore} from './peers.ts';

export interface OpenedStore extends TextStore {
  /** Discards what is not the contents: the history of what was measured before. */
  compact?(): void;
}

export async function openStore(name: string): Promise<OpenedStore> {
  if (name !== 'kvi') {
    const peer = peerStores()[name];
    if (!peer) throw new Error(`there is no store ${name}`);
    return peer;
  }
  const store = new MemStore();
  const kv = await open('mem:', {mem: {store}});
  return {
    get: (key) => kv.get(key),
    set: (key, value) => kv.store(key, value),
    clear: () => {
      store.reset();
    },
    compact: () => {
      store.compact();
    },
    scan: (start, limit) => kv.getRange({start, end: '\0'}, {limit}),
  };
}
