/** The answers of a store to a program, as text. */
export interface Trace {
  readonly steps: readonly Step[];
  readonly tally: Tally;
}

/** A call, or the events of a watch. */
export interface Step {
  /** `h0.put("a", "1")`, or `w0` for a watch. */
  call: string;
  answer: string;
  /** The number of events that a watch delivered. */
  events?: number;
}

/** What was compared. */
export interface Tally {
  /** Calls of the driver, not counting the operations of transactions. */
  operations: number;
  /** Operations in transactions, in the branches that ran. */
  inTransactions: number;
  /** Events that watches delivered. */
  events: number;
  /** Failed calls by code. */
  errors: Record<string, number>;
}

/** An empty tally. */
export function emptyTally(): Tally {
  return {operations: 0, inTransactions: 0, events: 0, errors: {}};
}

/** Adds the counts of `other`. */
export function addTally(tally: Tally, other: Tally): void {
  tally.operations += other.operations;
  tally.inTransactions += other.inTransactions;
  tally.events += other.events;
  for (const [code, count] of Object.entries(other.errors)) {
    tally.errors[code] = (tally.errors[code] ?? 0) + count;
  }
}
