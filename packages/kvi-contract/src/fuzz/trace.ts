/** What a store answered to a program, in near-code. */
export interface Trace {
  readonly steps: readonly Step[];
  readonly tally: Tally;
}

/** A call, or what a watch delivered. */
export interface Step {
  /** `h0.put("a", "1")`, or `w0` for a watch. */
  call: string;
  answer: string;
  /** How many events a watch delivered. */
  events?: number;
}

/** What was compared. */
export interface Tally {
  /** Calls of the driver that programs made; what is in a transaction is not counted. */
  operations: number;
  /** Operations in transactions, in the branches that ran. */
  inTransactions: number;
  /** Events that watches delivered. */
  events: number;
  /** Calls that failed, by their code. */
  errors: Record<string, number>;
}

/** A tally of nothing. */
export function emptyTally(): Tally {
  return {operations: 0, inTransactions: 0, events: 0, errors: {}};
}

/** Adds what `other` counted. */
export function addTally(tally: Tally, other: Tally): void {
  tally.operations += other.operations;
  tally.inTransactions += other.inTransactions;
  tally.events += other.events;
  for (const [code, count] of Object.entries(other.errors)) {
    tally.errors[code] = (tally.errors[code] ?? 0) + count;
  }
}
