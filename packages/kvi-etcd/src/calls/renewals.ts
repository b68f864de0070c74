import {type Bytes, isKviError, KviError} from 'kvi-core/driver';
import {range} from 'kvi-wire';
import type {UnaryCalls} from './unary.ts';

/** Finds out whether renewals of leases hold. */
export interface Renewals {
  /**
   * Resolves if a renewal holds that was answered in this raft term.
   *
   * @throws `KVI_UNAVAILABLE` if the leader that answered may have been replaced before
   */
  confirm(raftTerm: number): Promise<void>;
  /** Notes a key that the user was allowed to read. */
  wasRead(key: Bytes): void;
}

/** How long the read may take. What waits for it has a timeout of its own. */
const timeoutMs = 5_000;

/**
 * etcd's leader renews a lease without asking its cluster. One that was stopped for a while, and continued, does so
 * although another leader may have taken over, and have given the lease's lock away. So a renewal counts only if a read that began
 * after its answer, and that the cluster agreed to, shows the same raft term: then the leader still led.
 *
 * Reading a key without permission does not return the term, so a key that the user has read before is read. If the permission
 * was revoked since, renewals are not confirmed.
 *
 * @see `LeaseKeepAlive` in etcd's server/etcdserver/api/v3rpc/lease.go, which fills the header before it renews
 */
export function renewals(call: UnaryCalls): Renewals {
  let key: Bytes = Buffer.of(0);
  let next: Promise<number | undefined> | undefined;

  /** One read serves all answers that arrive in the same turn of the event loop. */
  function readTerm(): Promise<number | undefined> {
    next ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      next = undefined;
      return currentTerm();
    });
    return next;
  }

  async function currentTerm(): Promise<number | undefined> {
    try {
      const {header} = await call(
        {
          write: false,
          describe: () => 'read the raft term',
          body: (send) => send(range, {key, countOnly: true}),
        },
        {timeoutMs},
      );
      return header?.raftTerm;
    } catch (error) {
      if (isKviError(error, 'KVI_PERMISSION_DENIED')) return undefined;
      throw error;
    }
  }

  return {
    async confirm(raftTerm) {
      const term = await readTerm();
      if (term === undefined || term === raftTerm) return;
      throw new KviError(
        'KVI_UNAVAILABLE',
        `the lease was renewed by a leader of term ${raftTerm}, which has been replaced in term ${term}`,
      );
    },
    wasRead(read) {
      key = read;
    },
  };
}
