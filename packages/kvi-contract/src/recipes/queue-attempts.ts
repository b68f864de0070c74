import assert from 'node:assert/strict';
import {type Codec, queue, type QueueItem} from 'kvi-core/recipes';
import {assertFails, soon} from '../kvi/helpers.ts';
import type {ContractGroup} from '../suite.ts';
import {
  addAll,
  assertEmpty,
  drain,
  foldersOf,
  jobsOf,
  lettersOf,
  numbers,
  takeSoon,
} from './queue-helpers.ts';

/** Fails to decode what starts with `bad`. */
const picky: Codec<string> = {
  encode: (value) => Buffer.from(value),
  decode(stored) {
    const text = Buffer.from(stored).toString();
    if (text.startsWith('bad')) throw new TypeError(`${text} is bad`);
    return text;
  },
};

async function failOnce(jobs: {take(): Promise<QueueItem<string>>}, reason?: string): Promise<number> {
  const item = await takeSoon(jobs);
  await item.nack({reason});
  return item.attempt;
}

/** Attempts that fail, and what becomes of jobs after the last. */
export const queueAttempts: ContractGroup = {
  name: 'the attempts at a job of a queue',
  cases: [
    {
      name: 'are counted when it is put back, to the place that it had',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context);
        for (const value of ['a', 'b', 'c']) await jobs.add(value);
        const a = await takeSoon(jobs);
        const b = await takeSoon(jobs);
        await b.nack({reason: 'busy'});
        await b.nack();
        await a.nack();
        assert.equal(a.signal.aborted, false, 'which is no loss');
        const again = await takeSoon(jobs);
        assert.deepEqual([again.value, again.attempt, again.id], ['a', 2, a.id]);
        assert.ok(again.token > b.token);
        await again.ack();
        assert.deepEqual(await drain(jobs, 2), ['b', 'c']);
        await assertEmpty(kv, context, 'nothing is left');
      },
    },
    {
      name: 'end with the scope of an item that was neither acked nor nacked: it is there again at once',
      async run(context) {
        const {kv, openKvi} = context;
        const jobs = jobsOf(kv, context);
        await jobs.add('a');
        const waiting: Promise<QueueItem<string>>[] = [];
        await assert.rejects(async () => {
          await using item = await takeSoon(jobs);
          waiting.push(jobsOf(await openKvi(), context).take());
          throw new Error(`no luck with ${item.value}`);
        }, /no luck with a/);
        const [next = assert.fail()] = waiting;
        const again = await soon(next, 'another consumer gets it at once');
        assert.equal(again.attempt, 2);
        await again.ack();
        await again[Symbol.asyncDispose]();
        await assertEmpty(kv, context, 'the end of a scope after an ack puts nothing back');
      },
    },
    {
      name: 'leave the item to whoever is told first: what was acked is not put back, nor the other way round',
      async run(context) {
        const jobs = jobsOf(context.kv, context);
        await jobs.add('a');
        const item = await takeSoon(jobs);
        const both = await Promise.allSettled([item.nack(), item.ack()]);
        assert.deepEqual(
          both.map(({status}) => status),
          ['fulfilled', 'rejected'],
        );
        const late = await assertFails('KVI_ITEM_LOST', () => item.ack(), 'it was put back');
        assert.match(late.message, /was put back before/);
        const again = await takeSoon(jobs);
        await again.ack();
        const error = await assertFails('KVI_ITEM_LOST', () => again.nack(), 'it was acked');
        assert.match(error.message, /was acked before/);
      },
    },
    {
      name: 'are as many as the queue allows, after which it is a dead letter, with the reasons that were given',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context, {maxAttempts: 3});
        const {id} = await jobs.add('a', {priority: 2});
        assert.equal(await failOnce(jobs, 'first'), 1);
        assert.equal(await failOnce(jobs), 2);
        assert.deepEqual(await lettersOf(jobs), []);
        await takeSoon(jobs).then((item) => item.nack({reason: 'third', delaySeconds: 60}));
        assert.equal(await jobs.depth(), 0);
        const [letter = assert.fail()] = await lettersOf(jobs);
        const {value, attempts, reasons} = letter;
        assert.deepEqual(
          {id: letter.id, value, attempts, reasons},
          {id, value: 'a', attempts: 3, reasons: ['first', 'third']},
        );
        assert.equal(await letter.delete(), true);
        assert.equal(await letter.delete(), false, 'it is gone');
        assert.equal(await letter.putBack(), false);
        await assertEmpty(kv, context, 'nothing is left of it');
      },
    },
    {
      name: 'are also used up by items whose scope ends',
      async run(context) {
        const jobs = jobsOf(context.kv, context, {maxAttempts: 1});
        await jobs.add('a');
        await (await takeSoon(jobs))[Symbol.asyncDispose]();
        const [letter] = await lettersOf(jobs);
        assert.deepEqual([letter?.attempts, letter?.reasons], [1, []]);
      },
    },
    {
      name: 'are sixteen unless the queue says otherwise, and the newest sixteen reasons are kept, cut to a length',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context);
        await jobs.add('a');
        for (let n = 1; n <= 16; n += 1) assert.equal(await failOnce(jobs, `${n} ${'x'.repeat(2_000)}`), n);
        const [letter = assert.fail()] = await lettersOf(jobs);
        assert.equal(letter.attempts, 16);
        assert.deepEqual(
          letter.reasons.map((reason) => [Number.parseInt(reason, 10), reason.length]),
          Array.from({length: 16}, (_, n) => [n + 1, 1_000]),
        );
        const more = jobsOf(kv, context, {maxAttempts: 20});
        await letter.putBack();
        assert.equal(await failOnce(more, '17\ud800'), 1);
        for (let n = 18; n <= 36; n += 1) await failOnce(more, String(n));
        const [second] = await lettersOf(more);
        assert.deepEqual(second?.reasons, numbers(16, 21));
      },
    },
    {
      name: 'begin anew with a dead letter that is put back, before younger jobs',
      async run(context) {
        const {kv, openKvi} = context;
        const jobs = jobsOf(kv, context, {maxAttempts: 1});
        await jobs.add('a');
        await jobs.add('b');
        await failOnce(jobs, 'no');
        const waiting = jobsOf(await openKvi(), context).take();
        const b = await soon(waiting, 'b is next');
        const [letter = assert.fail()] = await lettersOf(jobs);
        assert.equal(await letter.putBack(), true);
        assert.deepEqual(await lettersOf(jobs), []);
        assert.equal(await letter.delete(), false, 'it is no longer dead');
        await b.nack();
        const a = await takeSoon(jobs);
        assert.deepEqual([a.value, a.attempt], ['a', 1]);
        await a.ack();
        await (await takeSoon(jobs)).ack();
        await assertEmpty(kv, context, 'nothing is left');
      },
    },
    {
      name: 'that ended with dead letters can be read in pages, and dealt with meanwhile',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context, {maxAttempts: 1});
        const count = 150;
        await addAll(jobs, numbers(count));
        for (let left = count; left > 0;) {
          const batch = await soon(jobs.takeBatch({max: 100}), 'a batch');
          await Promise.all(batch.map((item) => item.nack({reason: item.value})));
          left -= batch.length;
        }
        const seen: string[] = [];
        for await (const letter of jobs.deadLetters()) {
          seen.push(letter.value);
          assert.deepEqual(letter.reasons, [letter.value]);
          await (Number(letter.value) % 2 === 0 ? letter.delete() : letter.putBack());
        }
        assert.deepEqual(seen, numbers(count));
        assert.equal(await jobs.depth(), count / 2);
        assert.deepEqual(await lettersOf(jobs), []);
      },
    },
    {
      name: 'that ended with dead letters are read until the signal aborts or the handle closes',
      async run(context) {
        const {openKvi} = context;
        const closing = await openKvi();
        const jobs = jobsOf(closing, context, {maxAttempts: 1});
        await jobs.add('a');
        await jobs.add('b');
        await failOnce(jobs);
        await failOnce(jobs);
        const controller = new AbortController();
        const aborted = jobs.deadLetters({signal: controller.signal});
        assert.equal((await aborted.next()).value?.value, 'a');
        controller.abort();
        await assertFails('KVI_ABORTED', () => aborted.next(), 'its signal ends it');
        const cut = jobs.deadLetters();
        assert.equal((await cut.next()).value?.value, 'a');
        await closing.close();
        await assertFails('KVI_CLOSED', () => cut.next(), 'closing ends it');
      },
    },
    {
      name: 'include those at a value that the codec cannot decode: take says so, and it is given up in the end',
      async run({kv, key, prefix}) {
        const jobs = queue(kv, key('q'), {codec: picky, maxAttempts: 2});
        await jobs.add('bad');
        await jobs.add('good');
        const error = await assertFails('KVI_INVALID_VALUE', () => jobs.take(), 'it cannot be decoded');
        assert.match(error.message, /bad is bad/);
        assert.deepEqual(
          (await soon(jobs.takeBatch({max: 2}), 'a batch leaves it out')).map(({value}) => value),
          ['good'],
        );
        const [letter = assert.fail()] = await lettersOf(jobs);
        assert.equal(letter.attempts, 2);
        assert.match(letter.reasons[1] ?? '', /bad is bad/);
        await assertFails('KVI_INVALID_VALUE', () => letter.value, 'it still cannot be decoded');
        assert.equal(await letter.delete(), true, 'but deleted');
        assert.deepEqual(await foldersOf(kv, {prefix}), ['q/hidden/taken', 'q/holds/taken', 'q/values']);
      },
    },
    {
      name: 'include those at a job whose value somebody deleted by hand',
      async run(context) {
        const {kv, key} = context;
        const jobs = jobsOf(kv, context, {maxAttempts: 1});
        await jobs.add('a');
        await kv.delete({prefix: `${key('q')}/values/`});
        await assertFails('KVI_INVALID_VALUE', () => jobs.take(), 'it has no value');
        assert.deepEqual(await foldersOf(kv, context), ['q/dead']);
        assert.deepEqual(await lettersOf(jobs), [], 'there is nothing to show');
      },
    },
  ],
};
