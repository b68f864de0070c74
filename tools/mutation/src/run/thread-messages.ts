import type {MutantCoverage} from '@stryker-mutator/api/core';

/** What a thread that runs tests is told. */
export interface ThreadInput {
  /** The mutant to switch on; absent: none. */
  mutant?: string | undefined;
  /** Whether it is to be on while files are loaded. */
  isStatic?: boolean | undefined;
  /** So often may the mutant run before it counts as an endless loop. */
  hitLimit?: number | undefined;
  /** The names of the tests to run. Absent: all. */
  tests?: readonly string[] | undefined;
  /** Milliseconds that each test takes without a mutant, by name. */
  durations?: Readonly<Record<string, number>> | undefined;
  /** Whether to stop at the first test that fails. */
  bail: boolean;
}

/** One test that ran. */
export interface TestOutcome {
  name: string;
  durationMs: number;
  /** Why it failed; absent when it passed. */
  failure?: string | undefined;
}

/** What a thread answers. */
export interface ThreadOutput {
  outcomes: TestOutcome[];
  hitCount?: number | undefined;
  coverage?: MutantCoverage | undefined;
}
