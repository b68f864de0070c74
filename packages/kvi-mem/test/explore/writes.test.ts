import {describe, expect, it} from '@jest/globals';
import fc from 'fast-check';
import {type Event, isKviError, KviError, type OnUnknownOutcome} from 'kvi-core';
import type {Bytes} from 'kvi-core/driver';
import {clientOf, suffer, type Trouble, troubles} from './troubles.ts';
import {
  type Break,
  explorationMs,
  explore,
  makeWorld,
  type Plan,
  plans,
  untilNoticed,
  type World,
} from './world.ts';

/** One write by one caller. */
interface Write {
  client: number;
  /** Steps before it begins. */
  after: number;
  /** Steps until its patience ends. */
  abortAfter: number | undefined;
  kind: 'store' | 'tas' | 'txn';
  onUnknownOutcome: OnUnknownOutcome;
  /** Whether its handle is closed as soon as it has begun. */
  closes: boolean;
}

const clientCount = 2;

function writesWith(onUnknownOutcome: OnUnknownOutcome): fc.Arbitrary<Write[]> {
  const write = fc.record<Write>({
    client: fc.nat(clientCount - 1),
    after: fc.nat(10),
    abortAfter: fc.option(fc.nat(15), {freq: 4, nil: undefined}),
    kind: fc.constantFrom('store', 'tas', 'txn'),
    onUnknownOutcome: fc.constant(onUnknownOutcome),
    closes: fc.oneof({weight: 9, arbitrary: fc.constant(false)}, {weight: 1, arbitrary: fc.constant(true)}),
  });
  return fc.array(write, {minLength: 1, maxLength: 6});
}

/** What a caller was told of its write. */
type Answer =
  | {told: 'applied'; revision?: number}
  | {told: 'not applied'; code?: string; revision?: number}
  | {told: 'unknown'; applied: boolean | undefined};

/** Writes one value that nobody else writes, and hears what became of it. */
async function carryOut(world: World, write: Write, value: string): Promise<Answer> {
  const {kv} = clientOf(world, write.client);
  await world.steps(write.after, 'a caller is yet to come');
  const patience = new AbortController();
  if (write.abortAfter !== undefined) {
    void world.steps(write.abortAfter, 'a caller is patient').then(() => patience.abort());
  }
  const options = {signal: patience.signal, onUnknownOutcome: write.onUnknownOutcome};
  try {
    const answering = send();
    if (write.closes) void world.step('a handle is closed').then(() => kv.close());
    return await answering;
  } catch (error) {
    if (!isKviError(error)) throw error;
    const {code, applied} = error;
    return code === 'KVI_UNKNOWN_OUTCOME' ? {told: 'unknown', applied} : {told: 'not applied', code};
  }

  async function send(): Promise<Answer> {
    if (write.kind === 'store') {
      await kv.store('k', value, options);
      return {told: 'applied'};
    }
    if (write.kind === 'tas') {
      const isSet = await kv.tas('k', null, value, options);
      return {told: isSet ? 'applied' : 'not applied'};
    }
    const {revision} = await kv.txn(
      {
        compare: [{key: 'k', target: 'create', result: '=', createRevision: 0}],
        success: [{type: 'put', key: 'k', value}],
        failure: [{type: 'put', key: 'other', value}],
      },
      options,
    );
    return {told: 'applied', revision};
  }
}

async function checkWrites(
  scheduler: fc.Scheduler,
  plan: Plan,
  writes: Write[],
  trouble: Trouble[],
  broken?: Break,
): Promise<void> {
  const world = makeWorld(scheduler, plan, clientCount, {timeoutMs: 4_000}, broken);
  const answers: {answer: Answer; value: string}[] = [];
  await world.run([
    ...writes.map(async (write, i) => {
      const value = `v${i}`;
      answers.push({value, answer: await carryOut(world, write, value)});
    }),
    ...trouble.map((one) => suffer(world, one)),
  ]);
  await world.run(world.clients.map(({kv}) => kv.close()));
  await world.settle(2_000);
  const history = await world.history();
  for (const {value, answer} of answers) checkAnswer(answer, putsOf(history, value));
}

function putsOf(history: Event<Bytes>[], value: string) {
  return history.filter(({kv}) => {
    const key = Buffer.from(kv.key).toString();
    return (key === 'k' || key === 'other') && Buffer.from(kv.value).toString() === value;
  });
}

function checkAnswer(answer: Answer, puts: Event<Bytes>[]): void {
  if (answer.told === 'applied') {
    expect(puts).toHaveLength(1);
    if (answer.revision !== undefined) expect(puts[0]?.kv.modRevision).toBe(answer.revision);
  } else if (answer.told === 'not applied') {
    expect(puts).toHaveLength(0);
    if (answer.code !== undefined) {
      expect(['KVI_UNAVAILABLE', 'KVI_TIMEOUT', 'KVI_ABORTED', 'KVI_CLOSED']).toContain(answer.code);
    }
  } else {
    expect(puts.length).toBeLessThanOrEqual(1);
    if (answer.applied === true) expect(puts).toHaveLength(1);
  }
}

function writesAreTrue(onUnknownOutcome: OnUnknownOutcome, broken?: Break) {
  return fc.asyncProperty(
    fc.scheduler(),
    plans(),
    writesWith(onUnknownOutcome),
    troubles(clientCount),
    (scheduler, plan, writes, trouble) => checkWrites(scheduler, plan, writes, trouble, broken),
  );
}

describe('Writes, in whatever order calls arrive and are answered,', () => {
  it.each(['resolve', 'throw'] as const)(
    'are applied once or not at all, as their callers are told, with onUnknownOutcome %s',
    (onUnknownOutcome) => fc.assert(writesAreTrue(onUnknownOutcome), explore(200)),
    explorationMs,
  );
});

describe('The exploration of writes notices', () => {
  const sendAgain: Break = (driver) => ({
    ...driver,
    txn: (request, options) => driver.txn(request, options).catch(() => driver.txn(request, options)),
  });
  const promiseTooMuch: Break = (driver) => ({
    ...driver,
    async txn(request, options) {
      try {
        return await driver.txn(request, options);
      } catch (error) {
        if (!isKviError(error, 'KVI_UNKNOWN_OUTCOME')) throw error;
        throw new KviError('KVI_UNAVAILABLE', 'nothing was applied, or so it says', {cause: error});
      }
    },
  });

  it.each([
    ['a driver that sends again what got no answer', sendAgain],
    ['a driver that calls unavailable what it may have applied', promiseTooMuch],
  ])('%s', async (_, make) => {
    expect((await fc.check(writesAreTrue('throw', make), untilNoticed)).failed).toBe(true);
  });
});
