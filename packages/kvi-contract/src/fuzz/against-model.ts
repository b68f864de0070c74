import assert from 'node:assert/strict';
import {modelDriver, modelStore} from '../model/index.ts';
import type {TestRunner} from '../suite.ts';
import {compareTargets, type CompareOptions, type NamedTarget} from './compare.ts';
import {skippingClock} from './skipping-clock.ts';
import type {FuzzTarget} from './target.ts';

/** The programs that {@link testDriverAgainstModel} runs. */
export interface AgainstModelOptions extends Omit<CompareOptions, 'seed' | 'runs'> {
  /** The same seed gives the same programs. Default 1. */
  seed?: number;
  /** Number of programs. Default 200. */
  runs?: number;
  /** Timeout for all of them, in milliseconds. Default two minutes. */
  timeoutMs?: number;
}

/**
 * Registers a test that runs generated programs on a driver and on the model, and fails with the smallest program whose
 * answers differ.
 *
 * @param target a store of its own; that of `testDriver` fits. If the clock of its leases can be set, pass `passTime`:
 *   otherwise each lease that has to expire takes two seconds.
 */
export function testDriverAgainstModel(
  name: string,
  target: FuzzTarget,
  {describe, it}: TestRunner,
  {seed = 1, runs = 200, timeoutMs = 120_000, ...options}: AgainstModelOptions = {},
): void {
  describe(`${name}: against the model`, () => {
    it(
      `answers ${String(runs)} generated programs as the model does (seed ${String(seed)})`,
      async () => {
        const ours: NamedTarget = {
          name,
          open: () => target.open(),
          ...(target.passTime && {passTime: target.passTime.bind(target)}),
          accepted: target.accepted ?? [],
        };
        const {divergence} = await compareTargets(ours, modelTarget(), {seed, runs, ...options});
        if (divergence) {
          assert.fail(
            `${divergence.description}\nTo replay: {seed: ${String(divergence.seed)}, path: '${divergence.path}'}`,
          );
        }
      },
      timeoutMs,
    );
  });
}

/** A new model. Waiting for a lease to expire takes no time. */
export function modelTarget(): NamedTarget {
  const clock = skippingClock();
  const store = modelStore({clock, minTtlSeconds: 1});
  return {
    name: 'the model',
    open: () => Promise.resolve(modelDriver(store)),
    passTime(ms) {
      clock.skip(ms);
      return Promise.resolve();
    },
  };
}
