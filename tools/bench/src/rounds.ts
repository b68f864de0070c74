/** Rounds of several contestants that take turns, so that what the machine does meanwhile meets all of them. */

/** What a round measured, by unit: `{'calls/s': 5000}`. */
export type Sample = Readonly<Record<string, number>>;

/** Does the work once. Throws if it was not done right: a fast failure is no result. */
export type Round = () => Promise<Sample>;

/**
 * Runs the contestants in turn. Each round begins with another one, since the first may find the machine in a different
 * state than the last. One round before the others warms up and is not counted.
 *
 * @returns the samples of each contestant, by round
 */
export async function alternate(rounds: number, contestants: readonly Round[]): Promise<Sample[][]> {
  const entries = contestants.map((run) => ({run, samples: [] as Sample[]}));
  for (let round = -1; round < rounds; round++) {
    const first = (round + 1) % entries.length;
    for (const {run, samples} of [...entries.slice(first), ...entries.slice(0, first)]) {
      // Else one contestant's garbage would be collected on the next one's time.
      globalThis.gc?.();
      const sample = await run();
      if (round >= 0) samples.push(sample);
    }
  }
  return entries.map(({samples}) => samples);
}

/** What a piece of work took of this process. */
export interface Cost {
  seconds: number;
  /** User and system time of all threads. */
  cpuSeconds: number;
}

/** Runs a piece of work and says what it cost. */
export async function timed(work: () => Promise<void>): Promise<Cost> {
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  await work();
  const seconds = (performance.now() - before) / 1000;
  const {user, system} = process.cpuUsage(cpuBefore);
  return {seconds, cpuSeconds: (user + system) / 1_000_000};
}
