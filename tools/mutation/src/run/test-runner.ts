/** Lets Stryker run the tests of kvi-core and kvi-mem: each mutant in a thread of its own, which ends with it. */
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {Worker} from 'node:worker_threads';
import {
  determineHitLimitReached,
  type DryRunOptions,
  type DryRunResult,
  DryRunStatus,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import {bundle} from './bundle.ts';
import type {TestOutcome, ThreadInput, ThreadOutput} from './thread-messages.ts';

/** The exploration is the slowest of the tests: each mutant gets the first part of it only, always on the same course. */
const env = {...process.env, KVI_EXPLORE_TIMES: '0.1', KVI_EXPLORE_SEED: '1'};

export class ThreadTestRunner implements TestRunner {
  /** Stryker starts it in the folder of the mutated sources. */
  readonly #root = process.cwd();
  readonly #program = path.join(this.#root, `tests-${process.pid}.mjs`);
  /** Shared by all runners: how long each test takes. */
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
    if (output === undefined) return {status: DryRunStatus.Timeout};
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
    if (output === undefined) return toMutantRunResult({status: DryRunStatus.Timeout});
    return toMutantRunResult(determineHitLimitReached(output.hitCount, hitLimit) ?? toResult(output));
  }

  /** @returns undefined when the thread did not end within `timeoutMs` */
  async #run(input: ThreadInput, timeoutMs: number): Promise<ThreadOutput | undefined> {
    const thread = new Worker(this.#program, {workerData: input, execArgv: [], env});
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        timer = setTimeout(resolve, timeoutMs, undefined);
        thread.once('message', resolve);
        thread.once('error', reject);
        thread.once('exit', (code) => reject(new Error(`the thread ended with code ${code}`)));
      });
    } finally {
      clearTimeout(timer);
      await thread.terminate();
    }
  }
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
