import type {Kvi} from '../api/kvi.ts';
import {encode, type Input} from '../etcd/bytes.ts';
import {invalidArgument} from '../etcd/errors.ts';
import {facadeOf} from '../kvi/create-kvi.ts';
import {insideOf} from '../kvi/inside.ts';
import {openNamespace} from '../kvi/handle.ts';

/**
 * A handle that sees only the keys that start with a prefix, without the prefix: `namespace(kv, 'orders/')` stores `7` where
 * `kv` stores `orders/7`. Locks and temporary keys are inside too: its lock `nightly` is `kv`'s, and `etcdctl`'s, lock
 * `orders/nightly`. Namespaces nest. The key that equals the prefix is outside, and leases belong to the whole store.
 *
 * It has the options of `kv`, whose watches its writes wait for, and the other way round. Closing it closes what was opened
 * through it; closing `kv` closes it.
 *
 * @param prefix - put it down with its separator: `orders/`, not `orders`, which `orders-old` starts with too
 * @returns a handle that returns what `kv` does: text, or bytes for `kv.bytes`
 * @throws `KVI_INVALID_ARGUMENT` for an empty prefix, or if `kv` is not a handle of kvi's; `KVI_CLOSED`
 * @see `client/v3/namespace` in etcd
 */
export function namespace<T extends Input>(kv: Kvi<T>, prefix: Input): Kvi<T> {
  const {handle, decoder} = insideOf(kv);
  const part = handle.begin(undefined, [], () => {
    const bytes = encode(prefix, 'prefix');
    if (bytes.length === 0) throw invalidArgument('the prefix is empty: that is the whole store');
    return openNamespace(handle, bytes);
  });
  return facadeOf(part, decoder);
}
