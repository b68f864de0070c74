import {contractCases, failureOf} from '../contract-cases.ts';
import {type Drift, twin} from './drift.ts';

/** The outcome of a case that has to notice a drift. */
export interface Notice {
  /** The name of the case. */
  name: string;
  /** Why it fails on the drifting twin; undefined if it does not notice. */
  failure: string | undefined;
  /** Why it fails on the proper twin, which it must not; undefined if it passes. */
  failureWithout: string | undefined;
}

/** How many milliseconds a case may wait for something that a drift prevents. */
const limitMs = 2_000;
/** How many milliseconds a case may take on the proper twin, on a machine under load. */
const patientLimitMs = 20_000;

/** Runs the cases that have to notice a drift, with and without it, each on a store of its own. */
export function checkDrift(drift: Drift): Promise<Notice[]> {
  return Promise.all(
    drift.caughtBy.map(async (beginning) => {
      const i = contractCases(twin()).findIndex(({name}) => name.startsWith(beginning));
      const drifted = contractCases(twin(drift))[i];
      const proper = contractCases(twin())[i];
      if (drifted === undefined || proper === undefined)
        throw new Error(`no case starts with ${JSON.stringify(beginning)}`);
      return {
        name: proper.name,
        failureWithout: await failureOf(proper, patientLimitMs),
        failure: await failureOf(drifted, limitMs),
      };
    }),
  );
}
