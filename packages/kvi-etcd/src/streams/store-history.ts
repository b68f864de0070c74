import {KviError} from 'kvi-core/driver';
import type {WatchMessage} from 'kvi-wire';

/**
 * Tells when the store is no longer the one that the watches began with. One that was wiped, or restored from a backup, counts
 * its revisions anew, and a watch that waits for the next of the old ones would be silent until then, and wrong after.
 */
export interface StoreHistory {
  /** The highest revision that the store is known to have had. */
  readonly revision: number;
  /**
   * Takes in the answer of the whole cluster to a request.
   *
   * @param atLeast - {@link StoreHistory.revision} when the request was sent
   */
  answered(revision: number, atLeast: number): void;
  /**
   * Takes in the answer of a member that may be behind its cluster.
   *
   * @returns whether it is behind, or the store has another history: a read of the cluster tells
   */
  heard(header: WatchMessage['header']): boolean;
}

/** @param onLost - gets the error for the watches when the history is another */
export function storeHistory(onLost: (error: KviError) => void): StoreHistory {
  let revision = 0;
  let clusterId: string | undefined;

  function lose(now: number, how: string): void {
    const message = `the store was wiped or restored: it is ${how}, and was at revision ${revision} before; read the current state and continue from there`;
    revision = now;
    onLost(new KviError('KVI_COMPACTED', message, {compactRevision: 1}));
  }

  return {
    get revision() {
      return revision;
    },
    answered(now, atLeast) {
      // A proxy may leave the header out.
      if (now === 0) return;
      // A request that was sent before the loss was noticed tells nothing new.
      if (now < atLeast && now < revision) lose(now, `at revision ${now}`);
      else revision = Math.max(revision, now);
    },
    heard(header) {
      if (header === undefined) return true;
      const before = clusterId;
      // A proxy may leave the id out.
      if (header.clusterId !== '0') clusterId = header.clusterId;
      if (before !== undefined && before !== clusterId) lose(header.revision, 'another cluster');
      if (header.revision < revision) return true;
      revision = header.revision;
      return false;
    },
  };
}
