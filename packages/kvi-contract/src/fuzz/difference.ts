import {describeProgram} from './describe-request.ts';
import type {Program} from './program.ts';
import type {Step, Trace} from './trace.ts';

/** The first difference between two stores. */
export interface Difference {
  /** What was equal. */
  before: readonly Step[];
  ours: Step | undefined;
  theirs: Step | undefined;
}

/** The first difference of two traces of one program; undefined if there is none. */
export function firstDifference({steps: ours}: Trace, {steps: theirs}: Trace): Difference | undefined {
  const length = Math.max(ours.length, theirs.length);
  for (let i = 0; i < length; i += 1) {
    if (ours[i]?.call !== theirs[i]?.call || ours[i]?.answer !== theirs[i]?.answer) {
      return {before: ours.slice(0, i), ours: ours[i], theirs: theirs[i]};
    }
  }
  return undefined;
}

/** Describes a program, the answers that agree, and the two that differ. */
export function describeDifference(
  program: Program,
  {before, ours, theirs}: Difference,
  [ourName, theirName]: readonly [string, string],
): string {
  const width = Math.max(ourName.length, theirName.length);
  const show = (name: string, step: Step | undefined) =>
    `  ${name.padEnd(width)}  ${step ? `${step.call} -> ${step.answer}` : 'nothing'}`;
  return [
    'The program:',
    ...describeProgram(program).map((line) => `  ${line}`),
    'What they agree on:',
    ...before.map(({call, answer}) => `  ${call} -> ${answer}`),
    'Where they differ:',
    show(ourName, ours),
    show(theirName, theirs),
  ].join('\n');
}
