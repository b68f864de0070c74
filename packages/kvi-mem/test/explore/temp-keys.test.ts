import {describe, expect, it} from '@jest/globals';
import fc from 'fast-check';
import {isKviError, type TempKey} from 'kvi-core';
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

/** What one caller does with a temporary key. */
interface Use {
  client: number;
  key: string;
  /** Steps before it begins. */
  after: number;
  /** Steps until its patience ends. */
  abortAfter: number | undefined;
  /** Steps for which it wants the key; absent: for good. */
  keepFor: number | undefined;
  end: 'close' | 'close the handle' | 'crash';
}

/** What somebody else does to a key. */
interface Meddling {
  key: string;
  after: number;
  kind: 'deletes' | 'overwrites' | 'revokes';
}

const clientCount = 2;
const ttlSeconds = 2;
/** Milliseconds within which everything is as it should be, however many calls got no answer. */
const patienceMs = 200_000;
const keys = ['a', 'b'];

function uses(ends: Use['end'][]): fc.Arbitrary<Use[]> {
  const use = fc.record<Use>({
    client: fc.nat(clientCount - 1),
    key: fc.constantFrom(...keys),
    after: fc.nat(12),
    abortAfter: fc.option(fc.nat(10), {freq: 3, nil: undefined}),
    keepFor: fc.option(fc.nat(20), {nil: undefined}),
    end: fc.constantFrom(...ends),
  });
  return fc.array(use, {minLength: 1, maxLength: 6});
}

const meddlings: fc.Arbitrary<Meddling[]> = fc.array(
  fc.record<Meddling>({
    key: fc.constantFrom(...keys),
    after: fc.nat(40),
    kind: fc.constantFrom('deletes', 'overwrites', 'revokes'),
  }),
  {maxLength: 2},
);

interface Kept {
  tempKey: TempKey;
  key: string;
  client: number;
}

/** Each client keeps keys of its own: nobody else takes them away but by meddling. */
function keyOf({client, key}: {client: number; key: string}) {
  return `${'AB'.charAt(client)}/${key}`;
}

async function useKey(world: World, use: Use, kept: Set<Kept>): Promise<void> {
  const client = clientOf(world, use.client);
  await client.lives(program());

  async function program() {
    await world.steps(use.after, 'a caller is yet to come');
    const patience = new AbortController();
    if (use.abortAfter !== undefined) {
      void world.steps(use.abortAfter, 'a caller is patient').then(() => patience.abort());
    }
    let tempKey: TempKey;
    try {
      tempKey = await client.kv.tempKey(keyOf(use), {signal: patience.signal, value: 'kept'});
    } catch (error) {
      expect(['KVI_ABORTED', 'KVI_CLOSED', 'KVI_TIMEOUT', 'KVI_UNAVAILABLE']).toContain(codeOf(error));
      return;
    }
    const entry = {tempKey, key: keyOf(use), client: use.client};
    kept.add(entry);
    if (use.keepFor === undefined) return;
    await world.steps(use.keepFor, 'a caller keeps its key');
    kept.delete(entry);
    if (use.end === 'crash') client.crash();
    else if (use.end === 'close') await tempKey.close().catch(() => undefined);
    else await client.kv.close();
  }
}

async function meddle(world: World, {key, after, kind}: Meddling): Promise<void> {
  const {truth} = world;
  await world.steps(after, 'somebody is about to meddle');
  const target = Buffer.from(keyOf({client: 0, key}));
  const {kvs} = await truth.range({key: target});
  if (kvs[0] === undefined) return;
  if (kind === 'deletes') await truth.txn({success: [{type: 'deleteRange', key: target}]});
  else if (kind === 'revokes') await truth.leaseRevoke(kvs[0].lease).catch(() => undefined);
  else {
    await truth.txn({success: [{type: 'put', key: target, value: Buffer.from('other')}]});
    // It would stay, and it is not the client's.
    await world.steps(10, 'what was overwritten stays for a while');
  }
}

async function checkTempKeys(
  scheduler: fc.Scheduler,
  {plan, uses: all, meddling: meddlers, trouble}: Scene,
  broken?: Break,
): Promise<void> {
  const world = makeWorld(scheduler, plan, clientCount, {ttlSeconds, timeoutMs: 3_000}, broken);
  const {truth, clients} = world;
  const kept = new Set<Kept>();
  await world.run([
    ...all.map((use) => useKey(world, use, kept)),
    ...meddlers.map((meddling) => meddle(world, meddling)),
    ...trouble.map((one) => suffer(world, one)),
  ]);
  const isCalm =
    [plan.fates, plan.pauses, meddlers].every((list) => list.length === 0) &&
    trouble.every(({kind}) => kind === 'closes its handle');
  const open = [...kept].filter(({client}) => !clientOf(world, client).driver.hasCrashed);
  const valueOf = async (key: string) => {
    const {kvs} = await truth.range({key: Buffer.from(key)});
    return kvs[0] && Buffer.from(kvs[0].value).toString();
  };
  const missing = async () => {
    const found: string[] = [];
    for (const {key, tempKey} of open) {
      if (!tempKey.signal.aborted && (await valueOf(key)) !== 'kept') found.push(key);
    }
    return found;
  };
  if (!isCalm) await world.settle(patienceMs, async () => (await missing()).length === 0);
  expect(await missing()).toEqual([]);
  const isTakenAway = (taken: string) =>
    meddlers.some(({kind, key}) => kind !== 'revokes' && keyOf({client: 0, key}) === taken);
  for (const {tempKey, key} of open) {
    if (!tempKey.signal.aborted || isTakenAway(key)) continue;
    expect(tempKey.signal.reason).toMatchObject({code: 'KVI_CLOSED'});
  }

  const living = clients.filter(({driver}) => !driver.hasCrashed);
  await world.run(living.map(({kv}) => kv.close()));
  // What overwrote a key is not the client's.
  for (const key of keys.map((own) => keyOf({client: 0, key: own}))) {
    if ((await valueOf(key)) === 'other')
      await truth.txn({success: [{type: 'deleteRange', key: Buffer.from(key)}]});
  }
  const mayTakeTime = !isCalm || living.length < clients.length;
  if (mayTakeTime) await world.settle(patienceMs, async () => (await world.leftovers()).length === 0);
  expect(await world.leftovers()).toEqual([]);
}

function codeOf(error: unknown): string {
  if (!isKviError(error)) throw error;
  return error.code;
}

/** What a run is made of, but for the order of its steps. */
interface Scene {
  plan: Plan;
  uses: Use[];
  meddling: Meddling[];
  trouble: Trouble[];
}

const calm = fc.record<Scene>({
  plan: plans({faults: false, time: false}),
  uses: uses(['close', 'close the handle']),
  meddling: fc.constant([]),
  trouble: troubles(clientCount, ['closes its handle']),
});

const stormy = fc.record<Scene>({
  plan: plans(),
  uses: uses(['close', 'close the handle', 'crash']),
  meddling: fc.constant([]),
  trouble: troubles(clientCount),
});

const meddledWith = fc.record<Scene>({
  plan: plans(),
  uses: uses(['close', 'close the handle', 'crash']),
  meddling: meddlings,
  trouble: fc.constant([]),
});

function keysAreKept(scenes: fc.Arbitrary<Scene>, broken?: Break) {
  return fc.asyncProperty(fc.scheduler(), scenes, (scheduler, scene) =>
    checkTempKeys(scheduler, scene, broken),
  );
}

describe('Temporary keys, in whatever order calls arrive and are answered,', () => {
  it(
    'are there while they are kept, and gone when they are closed, while nothing fails',
    () => fc.assert(keysAreKept(calm), explore(250)),
    explorationMs,
  );

  it(
    'are put back as long as they are kept, whatever fails and however long it takes',
    () => fc.assert(keysAreKept(stormy), explore(120)),
    explorationMs,
  );

  it(
    'are given up when somebody takes them away, and put back when only their lease is lost',
    () => fc.assert(keysAreKept(meddledWith), explore(120)),
    explorationMs,
  );
});

describe('The exploration of temporary keys notices', () => {
  it.each<[string, fc.Arbitrary<Scene>, Break]>([
    [
      'watches that tell of nothing',
      meddledWith,
      (driver) => ({
        ...driver,
        watch: (request, options) => driver.watch({...request, startRevision: 1e9}, options),
      }),
    ],
    [
      'leases that are not given back',
      calm,
      (driver) => ({...driver, leaseRevoke: () => Promise.resolve({revision: 1})}),
    ],
  ])('%s', async (_, scenes, make) => {
    expect((await fc.check(keysAreKept(scenes, make), untilNoticed)).failed).toBe(true);
  });
});
