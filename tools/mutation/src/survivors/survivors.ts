import type {schema} from '@stryker-mutator/api/core';
import type {Explanation} from './explained.ts';

/** A mutant that every test passed. */
export interface Survivor {
  /** The file, within `packages/`. */
  file: string;
  lineNumber: number;
  /** The line of the source, without what is around it. */
  line: string;
  /** `original -> replacement` */
  change: string;
  /** Why that is right; undefined when nobody has said. */
  why: string | undefined;
}

/** The survivors of a report, in the order of the source. */
export function survivorsOf(
  {files}: schema.MutationTestResult,
  explained: readonly Explanation[],
): Survivor[] {
  return Object.entries(files).flatMap(([path, {source, mutants}]) => {
    const file = path.replace(/^packages\//, '');
    const lines = source.split('\n');
    return mutants
      .filter(({status}) => status === 'Survived' || status === 'NoCoverage')
      .sort((a, b) => a.location.start.line - b.location.start.line)
      .map(({location, replacement = ''}) => {
        const {start} = location;
        const line = (lines[start.line - 1] ?? '').trim();
        const change = `${short(between(lines, location))} -> ${short(replacement)}`;
        const why = explained.find(
          (item) => item.file === file && item.line === line && item.changes.includes(change),
        )?.why;
        return {file, lineNumber: start.line, line, change, why};
      });
  });
}

/** Explanations of files in the report that explain no survivor any more. */
export function staleExplanations(
  report: schema.MutationTestResult,
  explained: readonly Explanation[],
): Explanation[] {
  const survivors = survivorsOf(report, explained);
  return explained.filter(
    ({file, line, changes}) =>
      `packages/${file}` in report.files &&
      !changes.every((change) =>
        survivors.some((one) => one.file === file && one.line === line && one.change === change),
      ),
  );
}

function between(lines: readonly string[], {start, end}: schema.Location): string {
  if (start.line === end.line) return (lines[start.line - 1] ?? '').slice(start.column - 1, end.column - 1);
  return [
    (lines[start.line - 1] ?? '').slice(start.column - 1),
    ...lines.slice(start.line, end.line - 1),
    (lines[end.line - 1] ?? '').slice(0, end.column - 1),
  ].join('\n');
}

/** On one line, and not too long. */
function short(code: string): string {
  const line = code.replace(/\s+/g, ' ');
  return line.length > 70 ? `${line.slice(0, 50)} … ${line.slice(-15)}` : line;
}
