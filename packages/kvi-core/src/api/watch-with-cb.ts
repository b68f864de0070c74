import type {Input} from '../etcd/bytes.ts';
import type {CallOptions} from './call-options.ts';

/**
 * Called for a change.
 *
 * @param value - `undefined` for a deletion
 * @returns `false`, or a promise of it, to end the watch; anything else goes on
 */
export type WatchCallback<T extends Input, Op extends 'put' | 'delete', U> = (
  key: T,
  value: Op extends 'put' ? T : undefined,
  op: Op,
  userData: U,
) => unknown;

/** Options of {@link Kvi.watchWithCB}. */
export interface WatchWithCBOptions extends CallOptions {
  /** Called when the watch ends with an error, including one that the callback threw. Default: `process.emitWarning`. */
  onError?: ((error: unknown) => void) | undefined;
}

/** A watch with a callback. */
export interface WatchHandle {
  /** Resolves when the watch has ended. Never rejects. */
  readonly ended: Promise<void>;
}
