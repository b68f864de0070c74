import type {Kvi} from '../api/kvi.ts';
import {reading, showValue} from '../etcd/bad-input.ts';
import type {Input} from '../etcd/bytes.ts';
import {invalidArgument} from '../etcd/errors.ts';
import type {Decoder} from './codec.ts';
import type {Handle} from './handle.ts';

/** Where a facade keeps its inside. Registered, so that two copies of this package in one process understand each other. */
export const insideKey: unique symbol = Symbol.for('kvi.inside');

/** What is behind a facade. */
export interface Inside<T extends Input> {
  readonly handle: Handle;
  /** What the facade makes of bytes. */
  readonly decoder: Decoder<T>;
}

/** A facade, as recipes see it. A copy of one, `{...kv, get: timed}`, still has it. */
export interface WithInside<T extends Input> {
  readonly [insideKey]: Inside<T>;
}

/**
 * What is behind a facade, for recipes that need more than its methods.
 *
 * @throws `KVI_INVALID_ARGUMENT` for what no `createKvi()` made
 */
export function insideOf<T extends Input>(kv: Kvi<T>): Inside<T> {
  const inside = reading(() =>
    typeof kv === 'object' && kv !== null ? (kv as Partial<WithInside<T>>)[insideKey] : undefined,
  );
  if (inside === undefined) {
    throw invalidArgument(`kv must be a handle that open() or createKvi() returned, not ${showValue(kv)}`);
  }
  return inside;
}

/**
 * Refuses what is no handle, before anything is done with it: for recipes in other packages.
 *
 * @throws `KVI_INVALID_ARGUMENT` for what no `createKvi()` made
 */
export function checkHandle(kv: Kvi<Input>): void {
  insideOf(kv);
}
