import type {MutantCoverage} from '@stryker-mutator/api/core';

/** Tells a thread what to run. */
export interface ThreadInput {
  /** The mutant to activate. Default: none. */
  mutant?: string | undefined;
  /** Whether to activate it while files are loaded. */
  isStatic?: boolean | undefined;
  /** How often the mutant may run before it counts as an endless loop. */
  hitLimit?: number | undefined;
  /** The names of the tests to run. Default: all. */
  tests?: readonly string[] | undefined;
  /** How many milliseconds each test takes without a mutant, by name. */
  durations?: Readonly<Record<string, number>> | undefined;
  /** Whether to stop at the first test that fails. */
  bail: boolean;
}

/** The outcome of one test. */
export interface TestOutcome {
  name: string;
  durationMs: number;
  /** Why it failed; undefined if it passed. */
  failure?: string | undefined;
}

/** What a thread reports. */
export interface ThreadOutput {
  outcomes: TestOutcome[];
  hitCount?: number | undefined;
  coverage?: MutantCoverage | undefined;
}
