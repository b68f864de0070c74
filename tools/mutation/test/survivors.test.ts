import {describe, expect, it} from '@jest/globals';
import type {schema} from '@stryker-mutator/api/core';
import {staleExplanations, survivorsOf} from '../src/survivors/survivors.ts';

const source = ['function half(n) {', '  return n / 2;', '}'].join('\n');

function mutant(
  id: string,
  status: schema.MutantStatus,
  replacement: string,
  [line, from, to]: readonly [number, number, number],
): schema.MutantResult {
  const location = {start: {line, column: from}, end: {line, column: to}};
  return {id, mutatorName: 'any', status, replacement, location};
}

const report: schema.MutationTestResult = {
  schemaVersion: '1',
  thresholds: {high: 95, low: 90},
  files: {
    'packages/kvi-core/src/half.ts': {
      language: 'typescript',
      source,
      mutants: [
        mutant('1', 'Survived', 'n * 2', [2, 10, 15]),
        mutant('2', 'Killed', '{}', [1, 18, 19]),
        mutant('3', 'NoCoverage', '0', [2, 14, 15]),
      ],
    },
  },
};

const half = {file: 'kvi-core/src/half.ts', line: 'return n / 2;', why: 'nobody halves'};

describe('The list of survivors', () => {
  it('has what no test noticed, or reached, with its line and its change', () => {
    expect(survivorsOf(report, [])).toEqual([
      {file: half.file, lineNumber: 2, line: half.line, change: 'n / 2 -> n * 2', why: undefined},
      {file: half.file, lineNumber: 2, line: half.line, change: '2 -> 0', why: undefined},
    ]);
  });

  it('tells those that are explained, wherever their line has moved', () => {
    const explained = [{...half, changes: ['n / 2 -> n * 2']}];
    expect(survivorsOf(report, explained).map(({why}) => why)).toEqual(['nobody halves', undefined]);
    expect(staleExplanations(report, explained)).toEqual([]);
  });

  it('tells the explanations that explain nothing any more, of files that were looked at', () => {
    const stale = {...half, changes: ['n / 2 -> n * 2', 'n / 2 -> n + 2']};
    const notLookedAt = {...half, file: 'kvi-core/src/other.ts', changes: ['a -> b']};
    expect(staleExplanations(report, [stale, notLookedAt])).toEqual([stale]);
  });
});
