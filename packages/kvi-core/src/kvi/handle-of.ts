import type {Kvi} from '../api/kvi.ts';
import {showValue} from '../etcd/bad-input.ts';
import {invalidArgument} from '../etcd/errors.ts';
import type {Input} from '../etcd/bytes.ts';
import type {Decoder} from './codec.ts';
import type {Handle} from './handle.ts';

/** Where a facade keeps its handle. Registered, so that two copies of this package in one process understand each other. */
export const handleKey: unique symbol = Symbol.for('kvi.handle');

/** Where a facade keeps what makes its results text or bytes. */
export const decoderKey: unique symbol = Symbol.for('kvi.decoder');

/** A facade, as its recipes see it. A copy of one, `{...kv, get: timed}`, still has it. */
export interface WithHandle<T extends Input> {
  readonly [handleKey]: Handle;
  readonly [decoderKey]: Decoder<T>;
}

/**
 * The handle behind a facade, for recipes that need more than its methods.
 *
 * @throws `KVI_INVALID_ARGUMENT` for what no `createKvi()` made
 */
export function handleOf(kv: Kvi<Input>): Handle {
  return behind(kv)[handleKey];
}

/**
 * The decoder of a facade, for recipes that return what they were passed or what they read in bytes.
 *
 * @throws `KVI_INVALID_ARGUMENT` for what no `createKvi()` made
 */
export function decoderOf<T extends Input>(kv: Kvi<T>): Decoder<T> {
  return behind(kv)[decoderKey];
}

function behind<T extends Input>(kv: Kvi<T>): WithHandle<T> {
  if (typeof kv === 'object' && kv !== null && hasHandle(kv)) return kv;
  throw invalidArgument(`kv must be a handle that open() or createKvi() returned, not ${showValue(kv)}`);
}

function hasHandle<T extends Input>(kv: Kvi<T>): kv is Kvi<T> & WithHandle<T> {
  return handleKey in kv && decoderKey in kv;
}
