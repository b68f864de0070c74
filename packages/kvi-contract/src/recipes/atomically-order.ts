import assert from 'node:assert/strict';
import {setImmediate as nextTurn} from 'node:timers/promises';
import {createKvi, isKviError} from 'kvi-core';
import {checkUnits, type RecordedWork, unitHistory} from '../linearizability/units.ts';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {soon} from '../kvi/helpers.ts';
import {unreliable} from '../kvi/unknown-outcome.ts';

/** Whole numbers from 0 to below `below`. */
type Numbers = (below: number) => number;

/** The same seed gives the same numbers. */
function numbers(seed: number): Numbers {
  let state = seed;
  return (below) => {
    // The constants of Knuth and Lewis; the high bits are the random ones.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What clients do. */
interface Workload {
  initial: Readonly<Record<string, string>>;
  /** One unit, at random. Throws where it sees a state that no order of such units has. */
  work: (t: RecordedWork, at: {key: CaseContext['key']; random: Numbers; client: string}) => Promise<void>;
}

const clients = 4;
const unitsEach = 8;
const seeds = [1, 2, 3];
/** What happens to the first commit of a unit, each as often as the others. */
const fates = ['answered', 'answered', 'reply lost', 'request lost'] as const;

const accounts = ['account/a', 'account/b', 'account/c'] as const;
const total = 30;

/** Money goes from one account to another; some look at all of them. */
const transfers: Workload = {
  initial: {'account/a': '10', 'account/b': '10', 'account/c': '10'},
  async work(t, {key, random}) {
    if (random(3) === 0) {
      let sum = 0;
      for (const name of accounts) {
        sum += Number(await t.get(key(name)));
        await pauseFor(random(3));
      }
      assert.equal(sum, total, 'no money is made or lost');
      return;
    }
    const [from, to] = [pick(accounts, random), pick(accounts, random)];
    const amount = random(5);
    const balance = Number(await t.get(key(from)));
    if (balance < amount) return;
    t.store(key(from), String(balance - amount));
    t.store(key(to), String(Number(await t.get(key(to))) + amount));
  },
};

const doctors = ['doctor/a', 'doctor/b'] as const;

/** A doctor goes off call only while another is on call. */
const onCall: Workload = {
  initial: {'doctor/a': 'on', 'doctor/b': 'on'},
  async work(t, {key, random}) {
    const own = pick(doctors, random);
    const states = await Promise.all(doctors.map((name) => t.get(key(name))));
    const count = states.filter((state) => state === 'on').length;
    assert.ok(count > 0, 'one doctor is always on call');
    t.store(key(own), count === doctors.length ? 'off' : 'on');
  },
};

/** Each claims the number after the last one, or gives back the last one. */
const claims: Workload = {
  initial: {},
  async work(t, {key, random, client}) {
    const claimed = await t.getRange({prefix: key('claim/')});
    const expected = claimed.map((_, i) => key(`claim/${String(i).padStart(2, '0')}`));
    assert.deepEqual(
      claimed.map((claim) => claim.key),
      expected,
      'no number is left out',
    );
    const last = claimed.at(-1);
    if (last !== undefined && random(3) === 0) t.delete(last.key);
    else t.store(key(`claim/${String(claimed.length).padStart(2, '0')}`), client);
  },
};

const names = ['x/a', 'x/b', 'x/c', 'y/a'] as const;

/** Any calls of a unit, in any order. */
const anything: Workload = {
  initial: {'x/a': 'initial', 'y/a': 'initial'},
  async work(t, {key, random, client}) {
    for (let i = random(5); i >= 0; i -= 1) {
      const name = key(pick(names, random));
      const call = random(6);
      if (call < 2) await t.get(name);
      else if (call === 2) await t.getRange({prefix: key(pick(['x/', 'y/'], random))});
      else if (call === 3) t.delete(name);
      else t.store(name, `${client} ${String(random(1000))}`);
      await pauseFor(random(3));
    }
  },
};

const workloads = {
  'transfers: no money is made or lost': transfers,
  'write skew: each unit reads what the other writes': onCall,
  'phantoms: each unit counts what the others add and delete': claims,
  'units of any calls': anything,
};

/** Units of work of several clients at once, in an order that is one of units that ran one by one. */
export const orderOfUnits: ContractGroup = {
  name: 'the order of units of work',
  cases: Object.entries(workloads).flatMap(([name, workload]) =>
    [false, true].map((isLossy) => ({
      name: `units at the same time are as if one ran after the other: ${name}${isLossy ? ', though answers are lost' : ''}`,
      async run(context) {
        for (const seed of seeds) {
          try {
            await play(context, workload, isLossy, seed);
          } catch (cause) {
            throw new Error(`with seed ${String(seed)}: ${String(cause)}`, {cause});
          }
        }
      },
    })),
  ),
};

/** Lets several clients carry out units at the same time, and checks them. */
async function play(context: CaseContext, {initial, work}: Workload, isLossy: boolean, seed: number) {
  const {kv, open} = context;
  const key = (name: string) => context.key(`${String(seed)}/${name}`);
  const history = unitHistory();
  for (const [name, value] of Object.entries(initial)) await kv.store(key(name), value);

  async function run(number: number): Promise<void> {
    const client = `client ${String(number)}`;
    const random = numbers(seed * clients + number);
    const connection = unreliable(await open());
    await using own = createKvi(connection.driver, {
      onUnknownOutcome: number % 2 === 0 ? 'resolve' : 'throw',
    });
    for (let i = 0; i < unitsEach; i += 1) {
      const fate = pick(fates, random);
      if (isLossy) connection.willBe(fate);
      // Each run of a unit makes the same choices.
      const choices = random(2 ** 32);
      const unit = history.run(client, own, (t) => work(t, {key, random: numbers(choices), client}), {
        maxAttempts: 1000,
        timeoutMs: 600_000,
      });
      await unit.catch(unlessUnknown);
      await pauseFor(random(3));
    }
  }

  const running = Array.from({length: clients}, (_, number) => run(number));
  await soon(Promise.all(running), 'all units come to an end');
  await history.run('at the end', kv, (t) => t.getRange({prefix: key('')}));
  const state = new Map(Object.entries(initial).map(([name, value]) => [key(name), value]));
  assert.equal(checkUnits(history.units, state), undefined);
}

function unlessUnknown(error: unknown): void {
  if (!isKviError(error, 'KVI_UNKNOWN_OUTCOME')) throw error;
}

/** Lets others go first. */
async function pauseFor(eventLoopTurns: number): Promise<void> {
  for (let i = 0; i < eventLoopTurns; i += 1) await nextTurn();
}

function pick<T>(items: readonly [T, ...T[]], random: Numbers): T {
  return items[random(items.length)] ?? items[0];
}
