/**
 * Runs generated programs on two drivers and compares their answers. It needs `fast-check`, and so is a separate entry
 * point. `docs/fidelity.md` says what it proves.
 */
export {
  type AcceptedDifference,
  type AcceptedDifferenceName,
  acceptedDifferences,
} from './accepted-differences.ts';
export {type AgainstModelOptions, modelTarget, testDriverAgainstModel} from './against-model.ts';
export {
  compareTargets,
  type Comparison,
  type CompareOptions,
  type Divergence,
  type NamedTarget,
} from './compare.ts';
export {describeDifference, type Difference, firstDifference} from './difference.ts';
export {describeProgram} from './describe-request.ts';
export {play, type PlayOptions} from './player.ts';
export type * from './program.ts';
export {skippingClock, type SkippingClock} from './skipping-clock.ts';
export type {FuzzTarget} from './target.ts';
export {addTally, emptyTally, type Step, type Tally, type Trace} from './trace.ts';
