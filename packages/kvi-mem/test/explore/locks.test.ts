import {describe, expect, it} from '@jest/globals';
import fc from 'fast-check';
import {type DistLock, isKviError} from 'kvi-core';
import type {Driver} from 'kvi-core/driver';
import {clientOf, suffer, type Trouble, troubles} from './troubles.ts';
import {
  type Break,
  type Client,
  explorationMs,
  explore,
  makeWorld,
  type Plan,
  plans,
  untilNoticed,
  type World,
} from './world.ts';

/** What one caller does with the lock. */
interface Turn {
  client: number;
  /** Steps before it begins. */
  after: number;
  /** Seconds. */
  wait: 'forever' | number;
  /** Steps until its patience ends. */
  abortAfter: number | undefined;
  /** How often it writes under the lock. */
  writes: number;
  /** Steps for which it holds the lock after that. */
  holdFor: number;
  end: 'release' | 'unlock' | 'close' | 'crash';
}

const clientCount = 3;
const ttlSeconds = 2;

function turns(ends: Turn['end'][]): fc.Arbitrary<Turn[]> {
  const turn = fc.record<Turn>({
    client: fc.nat(clientCount - 1),
    after: fc.nat(12),
    wait: fc.constantFrom<Turn['wait'][]>('forever', 'forever', 0, 1, 5),
    abortAfter: fc.option(fc.nat(15), {freq: 3, nil: undefined}),
    writes: fc.nat(2),
    holdFor: fc.oneof(fc.nat(3), fc.nat(30)),
    end: fc.constantFrom(...ends),
  });
  return fc.array(turn, {minLength: 1, maxLength: 5});
}

/** What somebody else does to one of those who contend. */
interface Meddling {
  after: number;
  /** Which, counted from the holder. */
  contender: number;
  kind: 'deletes' | 'revokes';
}

const meddlings: fc.Arbitrary<Meddling[]> = fc.array(
  fc.record<Meddling>({
    after: fc.nat(40),
    contender: fc.nat(1),
    kind: fc.constantFrom('deletes', 'revokes'),
  }),
  {minLength: 1, maxLength: 3},
);

/** A lock that a caller has and did not release. */
interface OpenLock {
  lock: DistLock;
  client: Client;
  /** Whether its signal has told of its loss. */
  isTold: boolean;
}

/** What the callers saw. */
interface Sight {
  /** In the order in which the locks were had. */
  tokens: number[];
  open: Set<OpenLock>;
  /** Whether nothing happens to anybody, but that handles are closed. */
  isCalm: boolean;
  /** The tokens under which writes were acknowledged. */
  acknowledged: number[];
}

const patient = ['KVI_ABORTED', 'KVI_CLOSED'] as const;

async function takeTurn(world: World, turn: Turn, sight: Sight): Promise<void> {
  const client = clientOf(world, turn.client);
  const {kv} = client;
  await client.lives(program());

  async function program() {
    await world.steps(turn.after, 'a caller is yet to come');
    const patience = new AbortController();
    if (turn.abortAfter !== undefined) {
      void world.steps(turn.abortAfter, 'a caller is patient').then(() => patience.abort());
    }
    let lock: DistLock;
    try {
      const options = {signal: patience.signal};
      lock =
        turn.wait === 'forever'
          ? await kv.distLock('lock', options)
          : await kv.distTimedLock(turn.wait, 'lock', options);
    } catch (error) {
      // Who waits as long as it takes is told nothing else, whatever happens.
      if (turn.wait === 'forever') expect(patient).toContain(codeOf(error));
      else if (turn.wait > 0) expect([...patient, 'KVI_TIMEOUT']).toContain(codeOf(error));
      else
        expect([...patient, 'KVI_TIMEOUT', 'KVI_UNAVAILABLE', 'KVI_UNKNOWN_OUTCOME']).toContain(
          codeOf(error),
        );
      return;
    }
    const open: OpenLock = {lock, client, isTold: false};
    lock.signal.addEventListener('abort', () => {
      open.isTold = true;
    });
    sight.tokens.push(lock.token);
    sight.open.add(open);
    for (let i = 0; i < turn.writes; i += 1) {
      await world.step('a holder works');
      await writeUnder(lock);
    }
    await world.steps(turn.holdFor, 'a holder rests');
    const wasLost = lock.signal.aborted && !isClosed(lock);
    sight.open.delete(open);
    if (turn.end === 'close') await kv.close();
    else if (turn.end === 'crash') client.crash();
    else {
      const code = await codeFrom(turn.end === 'release' ? lock.release() : kv.distUnlock('lock'));
      if (wasLost && turn.end === 'release') expect(code).toBe('KVI_LOCK_LOST');
      if (sight.isCalm && !lock.signal.aborted) expect(code).toBeUndefined();
    }
  }

  async function writeUnder(lock: DistLock) {
    try {
      await lock.guard({success: [{type: 'put', key: 'written', value: String(lock.token)}]});
      sight.acknowledged.push(lock.token);
    } catch (error) {
      expect([
        'KVI_LOCK_LOST',
        'KVI_CLOSED',
        'KVI_UNKNOWN_OUTCOME',
        'KVI_UNAVAILABLE',
        'KVI_TIMEOUT',
      ]).toContain(codeOf(error));
    }
  }
}

async function meddle(world: World, {after, contender, kind}: Meddling): Promise<void> {
  const {truth} = world;
  await world.steps(after, 'somebody is about to meddle');
  const target = (await contenders(truth))[contender];
  if (target === undefined) return;
  if (kind === 'revokes') await truth.leaseRevoke(target.lease).catch(() => undefined);
  else await truth.txn({success: [{type: 'deleteRange', key: target.key}]});
}

/** Those who contend, the holder first. */
async function contenders(truth: Driver) {
  const {kvs} = await truth.range({
    key: Buffer.from('lock/'),
    rangeEnd: Buffer.from('lock0'),
    sortTarget: 'create',
  });
  return kvs;
}

/** What a run is made of, but for the order of its steps. */
interface Scene {
  plan: Plan;
  turns: Turn[];
  trouble: Trouble[];
  meddling: Meddling[];
  /** Whether the holders ask at each step; otherwise they rely on their signals. */
  asks: boolean;
}

/** Plays the scene in an order that fast-check chooses, and checks what is promised of locks at every step. */
async function checkLocks(scheduler: fc.Scheduler, scene: Scene, broken?: Break): Promise<void> {
  const world = makeWorld(scheduler, scene.plan, clientCount, {ttlSeconds, timeoutMs: 3_000}, broken);
  const {plan, trouble, turns: all} = scene;
  const isCalm =
    [plan.fates, plan.pauses].every((list) => list.length === 0) &&
    trouble.every(({kind}) => kind === 'closes its handle') &&
    all.every(({end}) => end !== 'crash');
  const sight: Sight = {tokens: [], open: new Set(), isCalm, acknowledged: []};
  const isLeftAlone = scene.meddling.length === 0;
  await world.run(
    [
      ...all.map((turn) => takeTurn(world, turn, sight)),
      ...trouble.map((one) => suffer(world, one)),
      ...scene.meddling.map((one) => meddle(world, one)),
    ],
    async () => {
      if (isLeftAlone) await checkHolders(world, sight, scene.asks);
    },
  );
  if (isLeftAlone) expect(sight.tokens).toEqual([...new Set(sight.tokens)].sort((a, b) => a - b));
  await checkWrites(world, sight);
  await checkLeftovers(world, sight);
}

/** Who is sure to hold the lock is the first in the store; who is not has been told so before there is another. */
async function checkHolders({truth}: World, {open}: Sight, asks: boolean): Promise<void> {
  const living = [...open].filter(({client}) => !client.driver.hasCrashed);
  if (asks) {
    const held = living.filter(({lock}) => lock.isHeld()).map(({lock}) => lock.key);
    const [first] = await contenders(truth);
    expect(held).toEqual(held.length === 0 ? [] : [Buffer.from(first?.key ?? []).toString()]);
    return;
  }
  const last = Math.max(...living.map(({lock}) => lock.token));
  const awake = living.filter(({client}) => !client.driver.standsStill);
  const untold = awake.filter(({lock, isTold}) => lock.token < last && !isTold);
  expect(untold.map(({lock}) => lock.token)).toEqual([]);
}

/** Every write under the lock was made while its key was there, and those acknowledged were made. */
async function checkWrites(world: World, sight: Sight) {
  const contenders = new Set<number>();
  const createRevisions = new Map<string, number>();
  const written: number[] = [];
  for (const {type, kv} of await world.history()) {
    const key = Buffer.from(kv.key).toString();
    if (key === 'written') {
      const token = Number(Buffer.from(kv.value).toString());
      expect(Math.min(...contenders)).toBe(token);
      written.push(token);
    } else if (type === 'put') {
      contenders.add(kv.createRevision);
      createRevisions.set(key, kv.createRevision);
    } else contenders.delete(createRevisions.get(key) ?? 0);
  }
  for (const token of sight.acknowledged) {
    expect(written).toContain(token);
    written.splice(written.indexOf(token), 1);
  }
}

/**
 * No key and no watch is left by those who have gone on; by those who were cut off, once the TTL is over. Then the leases
 * that were free for the next lock have ended too.
 */
async function checkLeftovers(world: World, {isCalm}: Sight): Promise<void> {
  await world.truth.txn({success: [{type: 'deleteRange', key: Buffer.from('written')}]});
  if (isCalm) expect((await world.leftovers()).filter((one) => !/^lease|timers$/.test(one))).toEqual([]);
  await world.settle(60_000, async () => (await world.leftovers()).length === 0);
  expect(await world.leftovers()).toEqual([]);
}

/** Whether it was given up because its handle was closed. */
function isClosed({signal}: DistLock): boolean {
  return isKviError(signal.reason, 'KVI_CLOSED');
}

function codeOf(error: unknown): string {
  if (!isKviError(error)) throw error;
  return error.code;
}

async function codeFrom(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(() => undefined, codeOf);
}

const calm = fc.record<Scene>({
  plan: plans({faults: false, time: false}),
  turns: turns(['release', 'unlock', 'close']),
  trouble: troubles(clientCount, ['closes its handle']),
  meddling: fc.constant([]),
  asks: fc.constant(true),
});

const stormy = fc.record<Scene>({
  plan: plans(),
  turns: turns(['release', 'unlock', 'close', 'crash']),
  trouble: troubles(clientCount, ['stands still', 'loses its connection', 'closes its handle']),
  meddling: fc.constant([]),
  asks: fc.boolean(),
});

const meddledWith = fc.record<Scene>({
  plan: plans(),
  turns: turns(['release', 'unlock', 'close']),
  trouble: fc.constant([]),
  meddling: meddlings,
  asks: fc.constant(false),
});

function locksHold(scenes: fc.Arbitrary<Scene>, broken?: Break) {
  return fc.asyncProperty(fc.scheduler(), scenes, (scheduler, scene) => checkLocks(scheduler, scene, broken));
}

describe('Locks, in whatever order calls arrive and are answered,', () => {
  it(
    'are held by one at a time, and leave nothing behind at once, while nothing fails',
    () => fc.assert(locksHold(calm), explore(150)),
    explorationMs,
  );

  it(
    'are held by one at a time, and free again within their TTL, whatever fails and however long it takes',
    () => fc.assert(locksHold(stormy), explore(200)),
    explorationMs,
  );

  it(
    'guard writes and leave nothing behind, when somebody takes them away',
    () => fc.assert(locksHold(meddledWith), explore(100)),
    explorationMs,
  );
});

describe('The exploration of locks notices', () => {
  const broken: Record<string, {scenes: fc.Arbitrary<Scene>; make: Break}> = {
    'a clock that runs at half the speed': {
      scenes: stormy,
      make: (driver) => ({
        ...driver,
        clock: {
          now: () => driver.clock.now() / 2,
          setTimer: (delayMs, callback) => driver.clock.setTimer(delayMs * 2, callback),
        },
      }),
    },
    'reads that leave out who came before': {
      scenes: calm,
      make: (driver) => ({
        ...driver,
        async txn(request, options) {
          const {responses, ...rest} = await driver.txn(request, options);
          const blind = responses.map((response, i) => {
            const op = request.success?.[i];
            const isOfEarlier = op?.type === 'range' && op.maxCreateRevision !== undefined;
            return response.type === 'range' && isOfEarlier ? {...response, kvs: []} : response;
          });
          return {...rest, responses: blind};
        },
      }),
    },
    'leases that are not given back': {
      scenes: calm,
      make: (driver) => ({...driver, leaseRevoke: () => Promise.resolve({revision: 1})}),
    },
  };

  it.each(Object.entries(broken))('%s', async (_, {scenes, make}) => {
    expect((await fc.check(locksHold(scenes, make), untilNoticed)).failed).toBe(true);
  });
});
