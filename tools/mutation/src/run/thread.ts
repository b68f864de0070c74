/** Runs the tests that were loaded before, with one mutant active. */
import {setTimeout as pause} from 'node:timers/promises';
import {parentPort, workerData} from 'node:worker_threads';
import {stryker} from './activate.ts';
import {type Test, tests} from './jest-globals.ts';
import type {TestOutcome, ThreadInput, ThreadOutput} from './thread-messages.ts';

const {mutant, tests: wanted, durations = {}, bail} = workerData as ThreadInput;

let failOutside: (error: unknown) => void = () => undefined;
// Like jest: an error outside the test's own promise fails the test that is running.
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error: unknown) => failOutside(error));
}

/** How many milliseconds a test may take. */
function limitOf(name: string): number {
  const duration = durations[name];
  return duration === undefined ? 60_000 : 1_500 + 5 * duration;
}

/** Waits in steps, so that time in which the machine was too busy to run this thread hardly counts. */
async function timeout(ms: number, ended: AbortSignal): Promise<void> {
  const stepMs = 20;
  for (let left = ms; left > 0 && !ended.aborted; left -= stepMs) await pause(stepMs);
}

async function run({name, run: body}: Test): Promise<TestOutcome> {
  const start = performance.now();
  const ended = new AbortController();
  let failure: string | undefined;
  const wrong = new Promise<never>((_resolve, reject) => {
    failOutside = reject;
    void timeout(limitOf(name), ended.signal).then(() => reject(new Error('timed out')));
  });
  wrong.catch(() => undefined);
  try {
    await Promise.race([Promise.resolve().then(body), wrong]);
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  ended.abort();
  return {name, durationMs: performance.now() - start, failure};
}

/** The fastest first: most mutants are noticed by many tests. */
function chosen(): Test[] {
  const names = wanted && new Set(wanted);
  const toRun = names ? tests.filter(({name}) => names.has(name)) : [...tests];
  return toRun.sort((a, b) => (durations[a.name] ?? 0) - (durations[b.name] ?? 0));
}

async function runAll(): Promise<ThreadOutput> {
  if (mutant !== undefined) stryker.activeMutant = mutant;
  const outcomes: TestOutcome[] = [];
  for (const test of chosen()) {
    stryker.currentTestId = test.name;
    const outcome = await run(test);
    outcomes.push(outcome);
    if (bail && outcome.failure !== undefined) break;
  }
  return {outcomes, hitCount: stryker.hitCount, coverage: stryker.mutantCoverage};
}

parentPort?.postMessage(await runAll());
