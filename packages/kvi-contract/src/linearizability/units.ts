/**
 * Checks units of work: whether there is an order of them, each between its start and its end, in which each finds what it
 * read. Unlike `check.ts` it knows neither revisions nor how units are carried out, only what their functions saw.
 */
import {isKviError, type Kvi} from 'kvi-core';
import {atomically, type AtomicallyOptions, type UnitOfWork} from 'kvi-core/recipes';
import {equal, show} from './describe.ts';
import {candidates} from './linearize.ts';

/** A call of a unit, and what it returned. */
export type UnitStep =
  | {type: 'get'; key: string; found: string | undefined}
  | {type: 'getRange'; prefix: string; found: readonly (readonly [key: string, value: string])[]}
  | {type: 'store'; key: string; value: string}
  | {type: 'delete'; key: string};

/** A unit: what its last run did. */
export interface RecordedUnit {
  client: string;
  start: number;
  /** Infinity if it has no known end: it may have been applied at any time since its start, or not. */
  end: number;
  steps: UnitStep[];
}

/** Records units. Those that failed, so that they changed nothing, are left out. */
export interface UnitHistory {
  readonly units: RecordedUnit[];
  /** Carries out a unit of work and records it under this name. */
  run: <R>(
    client: string,
    kv: Kvi,
    work: (t: RecordedWork) => Promise<R>,
    options?: AtomicallyOptions,
  ) => Promise<R>;
}

/** The {@link UnitOfWork} of a recorded unit. Its ranges are prefixes. */
export interface RecordedWork extends Pick<UnitOfWork, 'attempt' | 'get' | 'store' | 'delete'> {
  getRange(keys: {prefix: string}): ReturnType<UnitOfWork['getRange']>;
}

/** Creates an empty history. Its times are a counter of events, which gives their exact order in one process. */
export function unitHistory(): UnitHistory {
  const units: RecordedUnit[] = [];
  let time = 0;
  const tick = () => (time += 1);

  return {
    units,
    async run(client, kv, work, options) {
      const unit: RecordedUnit = {client, start: tick(), end: Infinity, steps: []};
      try {
        const result = await atomically(
          kv,
          (t) => {
            unit.steps = [];
            return work(recorded(t, unit.steps));
          },
          options,
        );
        unit.end = tick();
        units.push(unit);
        return result;
      } catch (error) {
        if (isKviError(error, 'KVI_UNKNOWN_OUTCOME')) units.push(unit);
        throw error;
      }
    },
  };
}

function recorded(t: UnitOfWork, steps: UnitStep[]): RecordedWork {
  return {
    attempt: t.attempt,
    async get(key) {
      const found = await t.get(key);
      steps.push({type: 'get', key: String(key), found});
      return found;
    },
    async getRange({prefix}) {
      const found = await t.getRange({prefix});
      steps.push({type: 'getRange', prefix, found: found.map(({key, value}) => [key, value])});
      return found;
    },
    store(key, value) {
      t.store(key, value);
      steps.push({type: 'store', key: String(key), value: String(value)});
    },
    delete(key) {
      t.delete(key);
      steps.push({type: 'delete', key: String(key)});
    },
  };
}

type State = ReadonlyMap<string, string>;

/** An attempt at an order. */
interface Attempt {
  state: State;
  placed: readonly RecordedUnit[];
  /** In the order of their starts. */
  pending: readonly RecordedUnit[];
}

/**
 * Searches for an order of the units.
 *
 * @param initial what the store held before
 * @returns why there is none, for people; undefined if there is one
 */
export function checkUnits(units: readonly RecordedUnit[], initial: State = new Map()): string | undefined {
  const pending = [...units].sort((a, b) => a.start - b.start);
  let furthest: Attempt = {state: initial, placed: [], pending};
  const seen = new Set<string>();
  const open = [furthest];

  for (let attempt = open.pop(); attempt !== undefined; attempt = open.pop()) {
    if (attempt.placed.length > furthest.placed.length) furthest = attempt;
    if (attempt.pending.every(({end}) => end === Infinity)) return undefined;
    const key = show([attempt.pending.map(({start}) => start), [...attempt.state].sort()]);
    if (seen.has(key)) continue;
    seen.add(key);
    for (const unit of candidates(attempt.pending)) {
      const state = apply(unit, attempt.state);
      if (state === undefined) continue;
      open.push({
        state,
        placed: [...attempt.placed, unit],
        pending: attempt.pending.filter((other) => other !== unit),
      });
    }
  }
  return describeMisfit(furthest);
}

/** @returns the state after the unit; undefined if it cannot have seen what it did */
function apply({steps}: RecordedUnit, before: State): State | undefined {
  const state = new Map(before);
  for (const step of steps) {
    if (step.type === 'store') state.set(step.key, step.value);
    else if (step.type === 'delete') state.delete(step.key);
    else if (!equal(step.found, answer(step, state))) return undefined;
  }
  return state;
}

function answer(step: Extract<UnitStep, {found: unknown}>, state: State) {
  return step.type === 'get' ? state.get(step.key) : withPrefix(state, step.prefix);
}

/** Keys have to be ASCII: text is sorted here as UTF-16. */
function withPrefix(state: State, prefix: string) {
  return [...state].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
}

function describeMisfit({state, placed, pending}: Attempt): string {
  return [
    `no order of the units agrees with what they read: after ${placed.length} units, with ${show([...state])}`,
    ...placed.slice(-12).map(describeUnit),
    'no order exists in which these go on:',
    ...candidates(pending).map(describeUnit),
  ].join('\n');
}

/** `  client 1: get a -> "1"; store a = "2"` */
function describeUnit({client, steps}: RecordedUnit): string {
  return `  ${client}: ${steps.map(describeStep).join('; ')}`;
}

function describeStep(step: UnitStep): string {
  switch (step.type) {
    case 'get':
      return `get ${step.key} -> ${show(step.found)}`;
    case 'getRange':
      return `getRange ${step.prefix} -> ${show(step.found)}`;
    case 'store':
      return `store ${step.key} = ${show(step.value)}`;
    case 'delete':
      return `delete ${step.key}`;
  }
}
