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
   * Put the key under this lease of the handle's, instead of one of its own. Losing the lease loses the key, and
   * closing or revoking it gives the key up; closing the key leaves the lease alone. Not together with `ttlSeconds`.
   */
  lease?: Lease<Input> | undefined;
}

/** A key that exists as long as this does. */
export interface TempKey extends AsyncDisposable {
  /**
   * Aborts when the key is no longer kept: with `KVI_KEY_LOST` if it was deleted or overwritten, or the `lease` that was
   * passed was lost; with `KVI_CLOSED` if it, the handle or that lease was closed or revoked here, which is no loss.
   */
  readonly signal: AbortSignal;
  /** Deletes the key, unless another `tempKey` call of this handle still keeps it. Closing twice is fine. */
  close(): Promise<void>;
}
