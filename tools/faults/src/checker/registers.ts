/**
 * Checks the linearizability of one key: is there an order of its operations, each at one moment between its start and its
 * end, in which every one of them is true?
 *
 * In general, that takes a search. Here every value is written once, and the store's revisions tell the order of the writes, so
 * there is nothing to choose. While the key has one value, we place every operation that may come now and is true of that value,
 * since it changes nothing. When none is left, only the write of the next value can follow. If that is not possible either, no
 * order exists.
 */
import type {TrueEvent} from '../truth.ts';
import {describeOperation, type ClientOperation} from './describe.ts';

/** An operation to place. */
interface Step {
  operation: ClientOperation;
  start: number;
  /** Infinity if its outcome was unknown. */
  end: number;
  /** Which of the key's values it wrote; undefined for a read. */
  position?: number;
}

/** How many operations to print before one that does not fit. */
const shown = 12;

/** Checks the operations on a key against its changes. Returns those that fit nowhere. */
export function checkRegister(
  operations: readonly ClientOperation[],
  events: readonly TrueEvent[],
): string[] {
  const values: (string | undefined)[] = [undefined, ...events.map(({value}) => value)];
  // A value that was written twice (another check reports it) counts from the first time.
  const positions = new Map(values.map((value, position) => [value, position] as const).reverse());
  const steps = operations
    .flatMap((operation) => stepOf(operation, positions))
    .sort((a, b) => a.start - b.start);
  const owned = new Set(steps.map(({position}) => position));
  const findings: string[] = [];
  const open: Step[] = [];
  let position = 0;
  let next = 0;

  /** Opens the operations that may come next: those that started before any open one ended. Returns the first to end. */
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

/** The step of an operation; none if it claims nothing about the key. */
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
