import type {Input} from '../etcd/bytes.ts';
import type {CallOptions} from './call-options.ts';
import type {Lease} from './lease.ts';

/** Options of {@link Kvi.tempKey}. */
export interface TempKeyOptions extends CallOptions {
  /** The key's value. Default: empty. */
  value?: Input | undefined;
  /** Seconds within which the key goes after a crash. Default: the handle's. */
  ttlSeconds?: number | undefined;
  /**
   * Put the key under this lease of the handle's, instead of one of its own. Losing the lease loses the key; closing the key
   * leaves the lease alone. Not together with `ttlSeconds`.
   */
  lease?: Lease<Input> | undefined;
}

/** A key that exists as long as this does. */
export interface TempKey extends AsyncDisposable {
  /**
   * Aborts when the key is no longer kept: with `KVI_KEY_LOST` if it was deleted or overwritten, or the caller's lease ended; with `KVI_CLOSED` if it
   * or the handle was closed, which is no loss.
   */
  readonly signal: AbortSignal;
  /** Deletes the key, unless another `tempKey` call of this handle still keeps it. Closing twice is fine. */
  close(): Promise<void>;
}
