import type {Driver, StatusResponse} from 'kvi-core/driver';
import type {SentHeader} from 'kvi-wire';

/** Who answers: what every response's header says besides the revision. */
export interface Identity {
  /** Asks the store, if that was not done. Undefined: it was. */
  prepare(): Promise<void> | undefined;
  /** The header of a response. */
  header(revision: number): SentHeader;
  /** What the store said last. After {@link Identity.prepare}. */
  readonly status: StatusResponse;
}

/** How old an answer of the store may be, in milliseconds: its raft term may change. */
const maxAgeMs = 1_000;

/** Asks a store who it is, before the first call and now and then. */
export function identityOf(driver: Driver): Identity {
  let known: {status: StatusResponse; at: number; ids: SentHeader} | undefined;
  let asking: Promise<void> | undefined;

  async function ask(): Promise<void> {
    try {
      const status = await driver.status({timeoutMs: 5_000});
      const {clusterId, memberId, raftTerm} = status;
      known = {status, at: performance.now(), ids: {clusterId, memberId, raftTerm}};
    } finally {
      asking = undefined;
    }
  }

  return {
    prepare() {
      if (known !== undefined && performance.now() - known.at < maxAgeMs) return undefined;
      asking ??= ask();
      if (known === undefined) return asking;
      // The old answer will do until the new one is there.
      asking.catch(() => undefined);
      return undefined;
    },
    header: (revision) => ({...known?.ids, revision}),
    get status() {
      if (known === undefined) throw new Error('the store was not asked');
      return known.status;
    },
  };
}
