import * as fc from 'fast-check';
import {program} from './arbitrary.ts';
import {describeDifference, firstDifference} from './difference.ts';
import {play, type PlayOptions} from './player.ts';
import type {Program} from './program.ts';
import type {FuzzTarget} from './target.ts';
import {addTally, emptyTally, type Tally} from './trace.ts';

/** A store and its name. */
export interface NamedTarget extends FuzzTarget {
  name: string;
}

/** The programs to run. */
export interface CompareOptions extends PlayOptions {
  /** The same seed gives the same programs. */
  seed: number;
  /** Number of programs. */
  runs: number;
  /** Runs the one program of a {@link Divergence} again, without shrinking it. */
  path?: string | undefined;
}

/** A program that two stores answer differently, shrunk. */
export interface Divergence {
  program: Program;
  seed: number;
  path: string;
  /** The program and both answers, for people. */
  description: string;
}

/** The result of a comparison. */
export interface Comparison {
  programs: number;
  tally: Tally;
  divergence: Divergence | undefined;
}

/** Runs generated programs on two stores until they answer one differently. */
export async function compareTargets(
  ours: NamedTarget,
  theirs: NamedTarget,
  {seed, runs, path, ...options}: CompareOptions,
): Promise<Comparison> {
  const tally = emptyTally();
  let programs = 0;
  const accepted = [...(ours.accepted ?? []), ...(theirs.accepted ?? [])];

  async function differ(played: Program) {
    const [left, right] = await Promise.all([
      play(played, ours, {...options, accepted}),
      play(played, theirs, {...options, accepted}),
    ]);
    programs += 1;
    addTally(tally, right.tally);
    return firstDifference(left, right);
  }

  const details = await fc.check(
    fc.asyncProperty(program, async (played) => (await differ(played)) === undefined),
    {seed, numRuns: runs, ...(path === undefined ? {} : {path, endOnFailure: true})},
  );
  const found = details.counterexample?.[0];
  if (found === undefined) return {programs, tally, divergence: undefined};

  const difference = await differ(found);
  const description = difference
    ? describeDifference(found, difference, [ours.name, theirs.name])
    : `This program was answered differently before, and no longer is:\n${String(details.errorInstance)}`;
  const divergence = {program: found, seed, path: details.counterexamplePath ?? '', description};
  return {programs, tally, divergence};
}
