import assert from 'node:assert/strict';
import {createKvi, type Kvi, type KviOptions} from 'kvi-core';
import {type Bytes, type Driver, isKviError, type LeaseId, prefixEnd} from 'kvi-core/driver';

/** The driver under test. */
export interface ContractTarget {
  /**
   * Opens a handle. All handles share one store, in which the suite uses one prefix. It compacts the store and counts
   * revisions, so nobody else may write to it meanwhile.
   */
  open(): Promise<Driver>;
  /**
   * Lists what the backend still holds for closed handles, such as watches. Called after each case, once all of its
   * handles are closed; the result must be empty. Absent if a backend cannot tell.
   */
  leftovers?(): Promise<string[]>;
  /**
   * Creates the facade on a driver. Default: {@link createKvi}. A wrapper of a facade, for example one that traces calls,
   * can prove that it still keeps the promises.
   */
  createKvi?: (driver: Driver, options?: KviOptions) => Kvi;
  /**
   * Whether the driver keeps a key of its own under each lease, out of sight. Then a grant is a revision, and the end of a lease that has no
   * other keys. Default: no.
   */
  marksLeases?: boolean;
}

/** The functions of a test runner; those of jest, vitest, mocha and `node:test` fit. */
export interface TestRunner {
  describe: (name: string, body: () => void) => void;
  it: (name: string, body: () => Promise<void>, timeoutMs?: number) => void;
}

/** The environment of a case. */
export interface CaseContext {
  /** A handle on the store. */
  driver: Driver;
  /** Opens another handle, as another process would. The case need not close it. */
  open: () => Promise<Driver>;
  /** A handle's facade. */
  kv: Kvi;
  /** Opens another handle, with its facade. */
  openKvi: (options?: KviOptions) => Promise<Kvi>;
  /** A key of this case, which starts with {@link CaseContext.prefix}. Equal names give equal keys. */
  key: (name: string) => string;
  /** The prefix of every key of this case. */
  prefix: string;
  /** How many revisions a grant is, and the end of a lease without keys: 0 or 1. */
  leaseRevisions: number;
}

/** A promise and its proof. */
export interface ContractCase {
  /** The promise, as a sentence. */
  name: string;
  run: (context: CaseContext) => Promise<void>;
}

/** The cases of one subject. */
export interface ContractGroup {
  name: string;
  cases: ContractCase[];
}

/** The timeout of a case, in milliseconds. Under load, cases that write thousands of keys take long. */
const caseTimeoutMs = 120_000;

/** Registers the groups with a test runner. */
export function registerSuite(
  name: string,
  groups: readonly ContractGroup[],
  target: ContractTarget,
  {describe, it}: TestRunner,
): void {
  let caseNumber = 0;
  // Several suites may run on one store, one after the other.
  const suite = `contract/${process.pid.toString(36)}-${performance.now().toString(36)}/`;

  describe(name, () => {
    for (const group of groups) {
      describe(group.name, () => {
        for (const contractCase of group.cases) {
          caseNumber += 1;
          const prefix = `${suite}${String(caseNumber)}/`;
          it(contractCase.name, () => keepProcess(runCase(contractCase, target, prefix)), caseTimeoutMs);
        }
      });
    }
  });
}

/**
 * Keeps the process alive until a case ends, also while the case waits for something that it holds back itself: node:test
 * would cancel it.
 */
async function keepProcess(running: Promise<void>): Promise<void> {
  const timer = setInterval(() => undefined, caseTimeoutMs);
  try {
    await running;
  } finally {
    clearInterval(timer);
  }
}

/** Runs one case and checks that it leaves nothing behind. */
async function runCase({run}: ContractCase, target: ContractTarget, prefix: string): Promise<void> {
  const granted = new Set<LeaseId>();
  const handles: {close(): Promise<void>}[] = [];

  async function open(): Promise<Driver> {
    const driver = noteLeases(await target.open(), granted);
    handles.push(driver);
    return driver;
  }

  async function openKvi(options?: KviOptions): Promise<Kvi> {
    const kvi = (target.createKvi ?? createKvi)(await open(), options);
    handles.push(kvi);
    return kvi;
  }

  let leaked: LeaseId[];
  try {
    await run({
      driver: await open(),
      open,
      kv: await openKvi(),
      openKvi,
      key: (name) => prefix + name,
      prefix,
      leaseRevisions: target.marksLeases === true ? 1 : 0,
    });
  } finally {
    // Facades first: they revoke their leases through their drivers.
    for (const handle of handles.reverse()) await handle.close();
    leaked = await clean(await target.open(), granted, Buffer.from(prefix));
  }
  // Only now: leftovers of a failed case must not hide why it failed.
  assert.deepEqual(leaked, [], 'leases were left behind');
  assert.deepEqual(
    (await target.leftovers?.()) ?? [],
    [],
    'the closed handles left something in the backend',
  );
}

/**
 * Deletes what the case itself wrote. What closed facades created must already be gone.
 *
 * @returns the leases that were not gone
 */
async function clean(driver: Driver, granted: Set<LeaseId>, prefix: Bytes): Promise<LeaseId[]> {
  try {
    await driver.txn({success: [{type: 'deleteRange', key: prefix, rangeEnd: prefixEnd(prefix)}]});
    const leaked: LeaseId[] = [];
    for (const id of granted) if (await exists(driver, id)) leaked.push(id);
    for (const id of leaked) await driver.leaseRevoke(id).catch(ignoreGone);
    return leaked;
  } finally {
    await driver.close();
  }
}

async function exists(driver: Driver, id: LeaseId): Promise<boolean> {
  try {
    await driver.leaseTimeToLive({id});
    return true;
  } catch (error) {
    ignoreGone(error);
    return false;
  }
}

function ignoreGone(error: unknown): void {
  if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
}

/** A driver that records the leases it grants. */
function noteLeases(driver: Driver, granted: Set<LeaseId>): Driver {
  return {
    clock: driver.clock,
    range: (...args) => driver.range(...args),
    txn: (...args) => driver.txn(...args),
    compact: (...args) => driver.compact(...args),
    leaseGrant: async (...args) => {
      const lease = await driver.leaseGrant(...args);
      granted.add(lease.id);
      return lease;
    },
    leaseRevoke: (...args) => driver.leaseRevoke(...args),
    leaseKeepAlive: (...args) => driver.leaseKeepAlive(...args),
    leaseTimeToLive: (...args) => driver.leaseTimeToLive(...args),
    leaseLeases: (...args) => driver.leaseLeases(...args),
    status: (...args) => driver.status(...args),
    watch: (...args) => driver.watch(...args),
    close: () => driver.close(),
  };
}
