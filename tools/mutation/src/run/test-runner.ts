/** Lets Stryker run the tests of kvi-core and kvi-mem, for each mutant in a new thread. */
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {Worker} from 'node:worker_threads';
import {
  determineHitLimitReached,
  type DryRunOptions,
  type DryRunResult,
  DryRunStatus,
  type ErrorDryRunResult,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  TestStatus,
  type TimeoutDryRunResult,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import {bundle} from './bundle.ts';
import type {TestOutcome, ThreadInput, ThreadOutput} from './thread-messages.ts';

/** The exploration is the slowest test: each mutant gets a tenth of it, always with the same seed. */
const env = {...process.env, KVI_EXPLORE_TIMES: '0.1', KVI_EXPLORE_SEED: '1'};

/** Why a thread reported nothing. */
type Breakdown = TimeoutDryRunResult | ErrorDryRunResult;

export class ThreadTestRunner implements TestRunner {
  /** Stryker starts us in the folder with the mutated sources. */
  readonly #root = process.cwd();
  readonly #program = path.join(this.#root, `tests-${process.pid}.mjs`);
  /** How long each test takes; shared by all runners. */
  readonly #durationsFile = path.join(this.#root, 'durations.json');
  #durations: Record<string, number> | undefined;

  capabilities() {
    return {reloadEnvironment: true};
  }

  async init(): Promise<void> {
    await bundle(this.#root, this.#program);
  }

  async dryRun({timeout}: DryRunOptions): Promise<DryRunResult> {
    const output = await this.#run({bail: false}, timeout);
    if ('status' in output) return output;
    const durations = Object.fromEntries(output.outcomes.map(({name, durationMs}) => [name, durationMs]));
    await writeFile(this.#durationsFile, JSON.stringify(durations));
    return toResult(output);
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const {activeMutant, testFilter, hitLimit, timeout, mutantActivation} = options;
    this.#durations ??= JSON.parse(await readFile(this.#durationsFile, 'utf8')) as Record<string, number>;
    const output = await this.#run(
      {
        mutant: activeMutant.id,
        isStatic: mutantActivation === 'static',
        hitLimit,
        tests: testFilter,
        durations: this.#durations,
        bail: true,
      },
      timeout,
    );
    if ('status' in output) return toMutantRunResult(output);
    return toMutantRunResult(determineHitLimitReached(output.hitCount, hitLimit) ?? toResult(output));
  }

  async #run(input: ThreadInput, timeoutMs: number): Promise<ThreadOutput | Breakdown> {
    const thread = new Worker(this.#program, {workerData: input, execArgv: [], env});
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve) => {
        timer = setTimeout(resolve, timeoutMs, {status: DryRunStatus.Timeout});
        thread.once('message', resolve);
        thread.once('error', (error) => resolve(failed(String(error))));
        thread.once('exit', (code) => resolve(failed(`the thread exited with code ${code}`)));
      });
    } finally {
      clearTimeout(timer);
      await thread.terminate();
    }
  }
}

function failed(errorMessage: string): ErrorDryRunResult {
  return {status: DryRunStatus.Error, errorMessage};
}

function toResult({outcomes, coverage}: ThreadOutput): DryRunResult {
  return {
    status: DryRunStatus.Complete,
    tests: outcomes.map(toTestResult),
    ...(coverage && {mutantCoverage: coverage}),
  };
}

function toTestResult({name, durationMs, failure}: TestOutcome): TestResult {
  const base = {id: name, name, timeSpentMs: durationMs};
  return failure === undefined
    ? {...base, status: TestStatus.Success}
    : {...base, status: TestStatus.Failed, failureMessage: failure};
}
