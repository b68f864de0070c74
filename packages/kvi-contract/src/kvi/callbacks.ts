import type {Kvi, WatchCallback, WatchHandle} from 'kvi-core';

/** A callback for either kind of change. */
export type Callback = WatchCallback<string, 'put' | 'delete', undefined>;

/** A callback that records its calls as `put v`. */
export function notes(): {calls: string[]; callback: Callback} {
  const calls: string[] = [];
  return {
    calls,
    callback: (_key, value, op) => {
      calls.push(value === undefined ? op : `${op} ${value}`);
    },
  };
}

/** Starts a watch, and fails the case if the watch fails. */
export async function startWatch(
  kv: Kvi,
  key: string,
  op: 'put' | 'delete',
  callback: Callback,
): Promise<WatchHandle & {errors: unknown[]}> {
  const errors: unknown[] = [];
  const handle = await kv.watchWithCB(key, op, callback, undefined, {onError: (error) => errors.push(error)});
  return Object.assign(handle, {errors});
}

export const endsWithDeletion = 'a watch with a callback ends when its key is deleted';
