import type {Kvi} from '../api/kvi.ts';
import {showValue} from '../etcd/bad-input.ts';
import {invalidArgument} from '../etcd/errors.ts';
import type {Input} from '../etcd/bytes.ts';
import type {Handle} from './handle.ts';

/** Where a facade keeps its handle. Registered, so that two copies of this package in one process understand each other. */
export const handleKey: unique symbol = Symbol.for('kvi.handle');

/** A facade, as its recipes see it. A copy of one, `{...kv, get: timed}`, still has it. */
export interface WithHandle {
  readonly [handleKey]: Handle;
}

/**
 * The handle behind a facade, for recipes that need more than its methods.
 *
 * @throws `KVI_INVALID_ARGUMENT` for what no `createKvi()` made
 */
export function handleOf(kv: Kvi<Input>): Handle {
  const handle = typeof kv === 'object' && kv !== null ? (kv as Partial<WithHandle>)[handleKey] : undefined;
  if (handle === undefined) {
    throw invalidArgument(`kv must be a handle that open() or createKvi() returned, not ${showValue(kv)}`);
  }
  return handle;
}
