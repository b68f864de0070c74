import {describe, expect, it} from '@jest/globals';
import type {ClientOperation} from '../src/checker/describe.ts';
import {checkHolds, type ClientHold} from '../src/checker/locks.ts';
import {checkQueue} from '../src/checker/queue.ts';
import {checkRegister} from '../src/checker/registers.ts';
import {checkUnavailability} from '../src/checker/unavailability.ts';
import {checkWatch} from '../src/checker/watches.ts';
import {checkWrites} from '../src/checker/writes.ts';
import type {AddedJob, Record, TakenJob} from '../src/history.ts';
import {fencedKeys, queueName} from '../src/keys.ts';
import type {TrueEvent} from '../src/truth.ts';

const key = 'register/a';

/** The values of one key, at revisions 2, 3, ... */
function values(...all: string[]): TrueEvent[] {
  return all.map((value, index) => ({revision: index + 2, key, value}));
}

type Times = [start: number, end: number];

function put(
  value: string,
  [start, end]: Times,
  outcome: ClientOperation['outcome'] = 'ok',
): ClientOperation {
  return {type: 'operation', client: 0, kind: 'put', key, value, start, end, outcome};
}

function get(value: string | undefined, [start, end]: Times): ClientOperation {
  const found = value === undefined ? {} : {value};
  return {type: 'operation', client: 0, kind: 'get', key, ...found, start, end, outcome: 'ok'};
}

function cas(
  test: string | null,
  value: string,
  [start, end]: Times,
  outcome: ClientOperation['outcome'],
): ClientOperation {
  return {type: 'operation', client: 0, kind: 'cas', key, test, value, start, end, outcome};
}

describe('the check of writes', () => {
  it('accepts what was told as it was, and either outcome where none was told', () => {
    const operations = [
      put('a', [0, 1]),
      put('b', [2, 3], 'unknown'),
      put('c', [4, 5], 'unknown'),
      put('d', [6, 7], 'failed'),
      cas('x', 'e', [8, 9], 'false'),
    ];
    expect(checkWrites(operations, values('a', 'b'))).toEqual({lost: [], misreported: []});
  });

  it.each([
    ['an acknowledged write that is not there', [put('a', [0, 1])], values(), 'lost'],
    ['a write that was said to have failed', [put('a', [0, 1], 'failed')], values('a'), 'misreported'],
    ['a lost comparison that was applied', [cas(null, 'a', [0, 1], 'false')], values('a'), 'misreported'],
    ['a write that was sent twice', [put('a', [0, 1])], values('a', 'a'), 'misreported'],
    ['a value that nobody wrote', [put('a', [0, 1])], values('a', 'b'), 'misreported'],
  ] as const)('finds %s', (_, operations, events, column) => {
    const findings = checkWrites(operations, events);
    expect(findings[column]).toHaveLength(1);
    expect([...findings.lost, ...findings.misreported]).toHaveLength(1);
  });
});

describe('the check of a register', () => {
  it('accepts operations that overlap, in any order that is possible', () => {
    const operations = [
      get(undefined, [0, 1]),
      put('a', [0, 10]),
      get('a', [2, 3]),
      cas('a', 'b', [2, 12], 'ok'),
      get('a', [4, 11]),
      get('b', [5, 6]),
      cas('a', 'never', [7, 8], 'false'),
      put('c', [7, 8], 'unknown'),
      get('b', [9, 10]),
      get('c', [100, 101]),
    ];
    expect(checkRegister(operations, values('a', 'b', 'c'))).toEqual([]);
  });

  it.each([
    ['a stale read', [put('a', [0, 1]), put('b', [2, 3]), get('a', [4, 5])], values('a', 'b')],
    ['a read of what is written later', [get('a', [0, 1]), put('a', [2, 3])], values('a')],
    ['reads that go back', [put('a', [0, 9]), get('a', [1, 2]), get(undefined, [3, 4])], values('a')],
    ['writes against their order in time', [put('b', [0, 1]), put('a', [2, 3])], values('a', 'b')],
    ['a swap of what was not there', [put('a', [0, 1]), cas('x', 'b', [2, 3], 'ok')], values('a', 'b')],
    [
      'a comparison that was said to be false and was true all the time',
      [put('a', [0, 1]), cas('a', 'b', [2, 3], 'false'), get('a', [4, 5])],
      values('a'),
    ],
    ['a value read that was never written', [put('a', [0, 1]), get('x', [2, 3])], values('a')],
  ] as const)('finds %s, and goes on', (_, operations, events) => {
    expect(checkRegister(operations, events)).toHaveLength(1);
  });
});

describe('the check of a watch', () => {
  const events = values('a', 'b', 'c');
  const seen = (...revisions: number[]): Record[] =>
    revisions.map((revision) => ({type: 'watched', key, value: 'abc'.charAt(revision - 2), revision}));
  const watch = (...records: Record[]) => checkWatch({client: 0, records}, events);
  const started = (from: number): Record => ({type: 'watchStarted', from});

  it('accepts every event once and in order, and a gap that was told', () => {
    expect(watch(started(2), ...seen(2, 3, 4))).toMatchObject({lost: [], repeated: [], outOfOrder: []});
    expect(watch(started(2), ...seen(2), started(4), ...seen(4))).toMatchObject({lost: [], toldGaps: 1});
  });

  it('finds events that are lost, repeated or out of order', () => {
    expect(watch(started(2), ...seen(2, 4)).lost).toHaveLength(1);
    expect(watch(started(2), ...seen(2, 3)).lost).toHaveLength(1);
    expect(watch(started(2), ...seen(2, 3, 3, 4)).repeated).toHaveLength(1);
    expect(watch(started(2), ...seen(2, 4, 3)).outOfOrder).toHaveLength(1);
  });
});

describe('the check of locks', () => {
  const hold = (client: number, token: number, acquired: number, lastHeld: number): ClientHold => ({
    type: 'hold',
    what: 'lock',
    client,
    token,
    acquired,
    lastHeld,
    lastUntold: lastHeld,
    lost: false,
  });
  const fenced = (...tokens: number[]): TrueEvent[] =>
    tokens.map((token, index) => ({revision: index + 2, key: fencedKeys.lock, value: `${token} x`}));

  it('accepts holds one after the other', () => {
    const findings = checkHolds('lock', [hold(0, 5, 0, 10), hold(1, 7, 10, 20)], fenced(5, 5, 7));
    expect(findings).toMatchObject({
      overlappingByToken: [],
      overlappingWhenAsked: [],
      overlappingBySignal: [],
    });
  });

  it('finds a holder that does not know of the next one, a token given twice and a late write', () => {
    const holds = [hold(0, 5, 0, 12), hold(1, 7, 10, 20), hold(2, 7, 30, 40)];
    const findings = checkHolds('lock', holds, fenced(5, 7, 5));
    expect(findings.overlappingWhenAsked).toHaveLength(1);
    expect(findings.overlappingBySignal).toHaveLength(1);
    expect(findings.overlappingByToken).toHaveLength(2);
  });
});

describe('the measure of unavailability', () => {
  it('leaves out the time in which the client itself was stopped', () => {
    const records = [put('a', [0, 10]), put('b', [10, 500]), put('c', [500, 600])];
    const faults = [{kind: 'stop client', start: 20, end: 400, client: 0}] as const;
    expect(checkUnavailability([{client: 0, records}], faults).longestMs).toBe(110);
    expect(checkUnavailability([{client: 1, records}], faults).longestMs).toBe(490);
  });
});

describe('the check of a queue', () => {
  const job = (value: string, token: number, outcome: TakenJob['outcome'], times: Times = [0, 0]) => ({
    type: 'job' as const,
    client: 0,
    value,
    token,
    outcome,
    taken: times[0],
    lastUntold: times[1],
  });
  const added = (value: string, outcome: AddedJob['outcome'] = 'ok', delaySeconds = 0): AddedJob => ({
    type: 'added',
    value,
    outcome,
    start: 0,
    delaySeconds,
  });
  const event = (revision: number, folder: string, id: string, value?: string): TrueEvent => ({
    revision,
    key: `${queueName}/${folder}/${id}`,
    ...(value !== undefined && {value}),
  });
  /** A job `v` with the id `1`, which is claimed at the revisions, and goes at another. */
  const history = (claims: number[], deleted?: number): TrueEvent[] => [
    event(2, 'values', '1', 'v'),
    ...claims.map((revision) => event(revision, 'holds/taken', '1', '')),
    ...(deleted === undefined ? [] : [event(deleted, 'values', '1'), event(deleted, 'holds/taken', '1')]),
  ];
  const nothing = {lost: [], ackedTwice: [], misreported: [], early: [], overlapping: []};

  it('accepts jobs that are acked once, put back, lost and told, given up, or of unknown outcome', () => {
    const taken = [
      job('v', 3, 'put back', [0, 1]),
      job('v', 5, 'lost', [2, 3]),
      job('v', 7, 'acked', [4, 5]),
    ];
    expect(checkQueue([added('v')], taken, history([3, 5, 7], 8))).toMatchObject({
      ...nothing,
      added: 1,
      acked: 1,
      putBack: 1,
      toldLost: 1,
    });
    expect(checkQueue([added('v')], [job('v', 3, 'unknown')], history([3], 4))).toMatchObject(nothing);
    const dead = [...history([3]), event(4, 'dead', '1', '{}')];
    expect(checkQueue([added('v', 'unknown')], [job('v', 3, 'put back')], dead)).toMatchObject({
      ...nothing,
      dead: 1,
    });
    expect(checkQueue([added('v', 'false'), added('w', 'unknown')], [], [])).toMatchObject(nothing);
    const late = [job('v', 3, 'acked', [2_000, 2_001])];
    expect(checkQueue([added('v', 'ok', 2)], late, history([3], 4))).toMatchObject(nothing);
  });

  it.each([
    ['a job that was never there', 'lost', [added('v')], [], []],
    ['a job that is left over', 'lost', [added('v')], [job('v', 3, 'lost')], history([3])],
    [
      'a job that is gone, though nobody acked it',
      'lost',
      [added('v')],
      [job('v', 3, 'lost')],
      history([3], 4),
    ],
    ['a job that is gone, though nobody had it', 'lost', [added('v')], [], history([], 4)],
    [
      'an ack of what another has',
      'ackedTwice',
      [added('v')],
      [job('v', 3, 'acked'), job('v', 5, 'unknown')],
      history([3, 5], 6),
    ],
    [
      'an ack that did nothing',
      'misreported',
      [added('v')],
      [job('v', 3, 'acked')],
      [...history([3]), event(9, 'dead', '1', '{}')],
    ],
    [
      'an add that was said to have failed',
      'misreported',
      [added('v', 'failed')],
      [job('v', 3, 'acked')],
      history([3], 4),
    ],
    [
      'a consumer that does not know that another has its job',
      'overlapping',
      [added('v')],
      [job('v', 3, 'lost', [0, 12]), job('v', 5, 'acked', [10, 20])],
      history([3, 5], 6),
    ],
    [
      'a job that is taken before its delay is over',
      'early',
      [added('v', 'unknown', 2)],
      [job('v', 3, 'put back', [1_999, 2_050]), job('v', 5, 'acked', [2_100, 2_200])],
      history([3, 5], 6),
    ],
  ] as const)('finds %s', (_, column, adds, taken, events) => {
    const findings = checkQueue(adds, taken, events);
    const {lost, ackedTwice, misreported, early, overlapping} = findings;
    expect(findings[column]).toHaveLength(1);
    expect([...lost, ...ackedTwice, ...misreported, ...early, ...overlapping]).toHaveLength(1);
  });

  it('finds a job that two consumers acked, and one that was added twice', () => {
    const twice = [job('v', 3, 'acked'), job('v', 5, 'acked')];
    expect(checkQueue([added('v')], twice, history([3, 5], 6)).ackedTwice).toHaveLength(2);
    const events = [...history([3], 4), event(5, 'values', '2', 'v'), event(6, 'dead', '2', '{}')];
    expect(checkQueue([added('v')], [job('v', 3, 'unknown')], events).misreported).toHaveLength(1);
  });
});
