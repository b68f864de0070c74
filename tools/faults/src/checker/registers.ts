/**
 * Linearizability of one key: is there an order of the operations, each at one moment between its start and its end, in
 * which every one of them tells the truth?
 *
 * In general that takes a search. Here every value is written once and the order of the writes is known from the store's
 * revisions, so that there is nothing to choose: with the key at one value, whatever may come now and tells the truth
 * about this value is placed, since it changes nothing; when nothing more fits, only the write of the next value can
 * follow. Where neither is possible, no order exists.
 */
import type {TrueEvent} from '../truth.ts';
import {describeOperation, type ClientOperation} from './describe.ts';

/** An operation to be placed. */
interface Step {
  operation: ClientOperation;
  start: number;
  /** Infinity where the outcome was not known. */
  end: number;
  /** Of a write: which of the key's values it is. */
  position?: number;
}

/** How many operations to show before one that does not fit. */
const shown = 12;

/** Checks the operations on one key against the changes of that key. Returns what could not be placed. */
export function checkRegister(
  operations: readonly ClientOperation[],
  events: readonly TrueEvent[],
): string[] {
  const values: (string | undefined)[] = [undefined, ...events.map(({value}) => value)];
  // A value that was written twice, which is another check's finding, counts from the first time.
  const positions = new Map(values.map((value, position) => [value, position] as const).reverse());
  const steps = operations
    .flatMap((operation) => stepOf(operation, positions))
    .sort((a, b) => a.start - b.start);
  const owned = new Set(steps.map(({position}) => position));
  const findings: string[] = [];
  const open: Step[] = [];
  let position = 0;
  let next = 0;

  /** Those that may come next: they started before any of those that are not placed yet ended. */
  function admit(): Step | undefined {
    let first = earliest(open);
    for (;;) {
      const step = steps[next];
      if (step === undefined || step.start > (first?.end ?? Infinity)) return first;
      open.push(step);
      next += 1;
      if (first === undefined || step.end < first.end) first = step;
    }
  }

  for (;;) {
    const first = admit();
    if (first === undefined) return findings;
    const before = open.length;
    removeWhere(open, (step) => step.position === undefined && isTrueOf(step.operation, values[position]));
    if (open.length < before) continue;
    const write = open.find((step) => step.position === position + 1);
    if (write !== undefined) {
      const {kind, test} = write.operation;
      if (kind === 'cas' && (test ?? undefined) !== values[position]) {
        findings.push(misfit(write, position, values, operations));
      }
      removeWhere(open, (step) => step === write);
      position += 1;
    } else if (position + 1 < values.length && !owned.has(position + 1)) {
      position += 1;
    } else if (first.end === Infinity) {
      return findings;
    } else {
      findings.push(misfit(first, position, values, operations));
      removeWhere(open, (step) => step === first);
      owned.delete(first.position);
    }
  }
}

/** What an operation claims, if it claims anything about this key. */
function stepOf(operation: ClientOperation, positions: ReadonlyMap<string | undefined, number>): Step[] {
  const {kind, value, start, end, outcome} = operation;
  const position = kind === 'get' ? undefined : positions.get(value);
  if (position !== undefined) return [{operation, start, end: outcome === 'ok' ? end : Infinity, position}];
  const claims = kind === 'get' ? outcome === 'ok' : kind === 'cas' && outcome === 'false';
  return claims ? [{operation, start, end}] : [];
}

function isTrueOf({kind, test, value}: ClientOperation, present: string | undefined): boolean {
  return kind === 'get' ? value === present : (test ?? undefined) !== present;
}

function earliest(steps: readonly Step[]): Step | undefined {
  return steps.reduce<Step | undefined>(
    (first, step) => (first === undefined || step.end < first.end ? step : first),
    undefined,
  );
}

function removeWhere(steps: Step[], matches: (step: Step) => boolean): void {
  for (let index = steps.length - 1; index >= 0; index -= 1) {
    const step = steps[index];
    if (step !== undefined && matches(step)) steps.splice(index, 1);
  }
}

function misfit(
  {operation}: Step,
  position: number,
  values: readonly (string | undefined)[],
  operations: readonly ClientOperation[],
): string {
  const sorted = operations.filter(({start}) => start <= operation.end).sort((a, b) => a.start - b.start);
  const history = sorted.slice(-shown).map((each) => `    ${describeOperation(each)}`);
  const nearby = values
    .slice(Math.max(0, position - 3), position + 4)
    .map((value) => JSON.stringify(value ?? null));
  return [
    `${describeOperation(operation)} fits nowhere; the key holds ${JSON.stringify(values[position] ?? null)}`,
    `    values around it: ${nearby.join(', ')}`,
    ...history,
  ].join('\n');
}
