import {describe, expect, it} from '@jest/globals';
import fc from 'fast-check';
import {type Change, change, changesOf, follow, type Past} from './store-changes.ts';
import {clientOf, suffer, type Trouble, troubles} from './troubles.ts';
import {explorationMs, explore, makeWorld, type World} from './world.ts';

const clientCount = 2;
const key = 'w/a';

/** A watch with a callback. */
interface Listener {
  client: number;
  after: number;
  op: 'put' | 'delete';
  slowness: number;
  cancelAfter: number | undefined;
}

const listeners: fc.Arbitrary<Listener[]> = fc.array(
  fc.record<Listener>({
    client: fc.nat(clientCount - 1),
    after: fc.nat(10),
    op: fc.constantFrom('put', 'delete'),
    slowness: fc.nat(4),
    cancelAfter: fc.option(fc.nat(30), {nil: undefined}),
  }),
  {minLength: 1, maxLength: 3},
);

/** What a listener heard. */
interface Heard {
  calls: string[];
  isCancelled: boolean;
  /** The revision of the store when the caller was told that the watch is in place. */
  inPlaceAt: number;
  ended: Promise<void>;
}

async function listen(
  world: World,
  past: Past,
  {client, after, op, slowness, cancelAfter}: Listener,
): Promise<Heard> {
  const {kv} = clientOf(world, client);
  await world.steps(after, 'a listener is yet to come');
  const calls: string[] = [];
  let isCancelled = false;
  const callback = async (_: string, value: string | undefined) => {
    expect(isCancelled).toBe(false);
    calls.push(value ?? 'deleted');
    await world.steps(slowness, 'a listener is slow');
  };
  const onError = (error: unknown) => {
    throw error;
  };
  const handle = await kv.watchWithCB(key, op, callback, undefined, {onError});
  const inPlaceAt = Math.max(...past.keys());
  if (cancelAfter !== undefined) {
    await world.steps(cancelAfter, 'a listener goes on');
    await kv.watchCBCancel(handle);
    isCancelled = true;
  }
  return {calls, isCancelled, inPlaceAt, ended: handle.ended};
}

/** What a listener is told that hears of all of these changes: those of its kind, until the key is deleted. */
function toldOf(changes: readonly string[], op: Listener['op']): string[] {
  const deletion = changes.findIndex((one) => one.startsWith('delete'));
  const heard = deletion === -1 ? changes : changes.slice(0, deletion + 1);
  return heard
    .filter((one) => one.startsWith(op))
    .map((one) => (op === 'put' ? one.slice(one.indexOf('=') + 1, one.indexOf('@')) : 'deleted'));
}

function checkHeard(past: Past, op: Listener['op'], {calls, isCancelled, inPlaceAt}: Heard): void {
  const changesOfKey = (from: number) =>
    [...past].flatMap(([revision, {changes}]) =>
      revision < from ? [] : changes.filter((one) => one.includes(` ${key}=`)),
    );
  // It was in place at some moment before its caller was told.
  const starts = Array.from({length: inPlaceAt + 1}, (_, i) => i + 1);
  const possible = starts.map((from) => toldOf(changesOfKey(from), op));
  const heard = isCancelled ? possible.map((told) => told.slice(0, calls.length)) : possible;
  expect(heard).toContainEqual(calls);
}

async function checkListeners(
  scheduler: fc.Scheduler,
  changes: Change[],
  all: Listener[],
  trouble: Trouble[],
): Promise<void> {
  const world = makeWorld(scheduler, {fates: [], pauses: []}, clientCount);
  const past = follow(world);
  const heard: {op: Listener['op']; what: Heard}[] = [];
  await world.run([
    ...changes.map((one, i) => change(world, one, `v${i}`)),
    ...all.map(async (listener) => heard.push({op: listener.op, what: await listen(world, past, listener)})),
    ...trouble.map((one) => suffer(world, one)),
  ]);
  await world.run(world.clients.map(({kv}) => kv.close()));
  await world.run(heard.map(({what}) => what.ended));
  for (const {op, what} of heard) checkHeard(past, op, what);
}

describe('Changes, in whatever order they are made and delivered,', () => {
  const changesAreTold = fc.asyncProperty(
    fc.scheduler(),
    changesOf(['put', 'put', 'put', 'delete', 'put two']),
    listeners,
    troubles(clientCount),
    checkListeners,
  );

  it(
    'are told to a callback each once, in order, from when its watch is in place until it is cancelled',
    () => fc.assert(changesAreTold, explore(200)),
    explorationMs,
  );
});
