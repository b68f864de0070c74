import {type LeaseId, noLease} from 'kvi-core/driver';
import {fixedLeases, type LeaseName} from './program.ts';

/** Names for what differs between two stores that run one program. */
export interface Names {
  /** The revision of the store for one counted from the start of a program. */
  revision: (sinceStart: number) => number;
  /** `+3` */
  showRevision: (revision: number) => string;
  /** The id of the lease of this name; an id that no lease has if it was never granted. */
  leaseId: (name: LeaseId) => LeaseId;
  /** The name of a lease, or `-` for none. */
  leaseName: (id: LeaseId) => string;
  /** Assigns a name to a lease. */
  nameLease: (name: LeaseName, id: LeaseId) => void;
}

const unknownLease: LeaseId = 'badc0de';

/** @param start the revision of the store at which the program starts */
export function names(start: number): Names {
  const ids = new Map<string, LeaseId>(Object.entries(fixedLeases));
  const shown = new Map<LeaseId, string>([...ids].map(([name, id]) => [id, name]));
  let granted = 0;

  return {
    revision: (sinceStart) => start + sinceStart,
    showRevision(revision) {
      // The revision of an absent key, in every store.
      if (revision === 0) return '0';
      const sinceStart = revision - start;
      return sinceStart < 0 ? String(sinceStart) : `+${String(sinceStart)}`;
    },
    leaseId: (name) => (name === noLease ? noLease : (ids.get(name) ?? unknownLease)),
    leaseName: (id) => (id === noLease ? '-' : (shown.get(id) ?? `the foreign lease ${id}`)),
    nameLease(name, id) {
      if (ids.get(name) === id) return;
      granted += 1;
      ids.set(name, id);
      // An earlier lease of the name may still exist, with keys under it.
      shown.set(id, `${name}#${String(granted)}`);
    },
  };
}
