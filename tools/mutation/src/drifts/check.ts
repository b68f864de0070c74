import {contractCases, failureOf} from '../contract-cases.ts';
import {type Drift, twin} from './drift.ts';

/** What became of a case that has to notice a drift. */
export interface Notice {
  /** The name of the case. */
  name: string;
  /** Why it fails on the twin that drifts; undefined when it does not notice. */
  failure: string | undefined;
  /** Why it fails on the twin as it is, which it must not. */
  failureWithout: string | undefined;
}

/** Milliseconds after which a case that waits for what a drift keeps from happening has failed. */
const limitMs = 2_000;
/** The same for the twin as it is, on a machine under load. */
const patientLimitMs = 20_000;

/** Runs the cases that have to notice a drift, with it and without, each on a store of its own. */
export function checkDrift(drift: Drift): Promise<Notice[]> {
  return Promise.all(
    drift.caughtBy.map(async (beginning) => {
      const i = contractCases(twin()).findIndex(({name}) => name.startsWith(beginning));
      const drifted = contractCases(twin(drift))[i];
      const proper = contractCases(twin())[i];
      if (drifted === undefined || proper === undefined) throw new Error(`no case begins with ${beginning}`);
      return {
        name: proper.name,
        failureWithout: await failureOf(proper, patientLimitMs),
        failure: await failureOf(drifted, limitMs),
      };
    }),
  );
}
