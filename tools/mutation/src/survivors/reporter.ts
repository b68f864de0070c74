/** Prints the score of each file, and each survivor that {@link explained} does not explain. */
import type {schema} from '@stryker-mutator/api/core';
import type {Reporter} from '@stryker-mutator/api/report';
import {explained} from './explained.ts';
import {staleExplanations, survivorsOf} from './survivors.ts';

const statuses = ['Killed', 'Timeout', 'Survived', 'NoCoverage'] as const;

export class SurvivorsReporter implements Reporter {
  onMutationTestReportReady(report: schema.MutationTestResult): void {
    const survivors = survivorsOf(report, explained);
    const unexplained = survivors.filter(({why}) => why === undefined);
    for (const {file, lineNumber, line, change} of unexplained)
      console.log(`\n${file}:${lineNumber}  ${line}\n    ${change}`);
    console.log(`\n${scores(report)}`);
    console.log(`\n${survivors.length} survived, ${unexplained.length} of them without an explanation`);
    for (const {file, line, changes} of staleExplanations(report, explained))
      console.log(`explained, but not all of it survives: ${file}  ${line}\n    ${changes.join('\n    ')}`);
    if (unexplained.length > 0) process.exitCode = 1;
  }
}

function scores({files}: schema.MutationTestResult): string {
  const counted = Object.entries(files)
    .map(([path, {mutants}]) => ({name: path.replace(/^packages\//, ''), mutants}))
    .filter(({mutants}) => mutants.length > 0);
  const total = {name: 'all', mutants: counted.flatMap(({mutants}) => mutants)};
  return [...counted, total].map(({name, mutants}) => row(name, mutants)).join('\n');
}

function row(name: string, mutants: readonly schema.MutantResult[]): string {
  const [killed = 0, timeout = 0, survived = 0, noCoverage = 0] = statuses.map(
    (wanted) => mutants.filter(({status}) => status === wanted).length,
  );
  const noticed = killed + timeout;
  const score = (100 * noticed) / (noticed + survived + noCoverage);
  return `${name.padEnd(40)} ${score.toFixed(1).padStart(6)} %  ${noticed} of ${noticed + survived + noCoverage}`;
}
