import {withDeadline} from '../async/deadline.ts';
import {retryUntil} from '../async/retry-until.ts';
import type {Driver} from '../driver/driver.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {isKviError, KviError} from '../etcd/errors.ts';
import type {Compare} from '../etcd/messages.ts';
import type {SessionSource} from './session-pool.ts';
import type {CloseOptions, Session} from './session.ts';

/**
 * Lends the session of a caller's lease to one key. Closing it deletes the key, and leaves the lease to the caller.
 *
 * @param key - what is put under the lease
 */
export function lentSession(driver: Driver, session: Session, key: Bytes): SessionSource {
  const {lease} = session;

  /** Deletes the key, unless it is somebody else's by now. Deleting it twice does no harm. */
  async function deleteKey({timeoutMs, createRevision}: CloseOptions = {}): Promise<void> {
    const compare: Compare<Bytes>[] = [{key, target: 'lease', result: '=', lease}];
    if (createRevision !== undefined) compare.push({key, target: 'create', result: '=', createRevision});
    await withDeadline(driver.clock, {timeoutMs}, (signal) =>
      retryUntil(
        driver.clock,
        signal,
        () => driver.txn({compare, success: [{type: 'deleteRange', key}]}, {timeoutMs}),
        (error) => isKviError(error, 'KVI_UNKNOWN_OUTCOME'),
      ),
    );
  }

  const lent: Session = {...session, close: deleteKey};

  return {
    isLent: true,
    take(_, signal, {fresh = false} = {}) {
      signal.throwIfAborted();
      if (!fresh && session.isAlive()) return Promise.resolve(lent);
      if (isKviError(session.signal.reason, 'KVI_CLOSED')) return Promise.reject(session.signal.reason);
      const message = `lease ${lease} has ended; get another with kv.lease()`;
      return Promise.reject(new KviError('KVI_LEASE_NOT_FOUND', message, {cause: session.signal.reason}));
    },
    giveBack: () => undefined,
  };
}
