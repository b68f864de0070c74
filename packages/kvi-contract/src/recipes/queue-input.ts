import assert from 'node:assert/strict';
import {type Codec, queue, type QueueOptions, utf8} from 'kvi-core/recipes';
import {assertFails, keysOf} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import type {ContractGroup} from '../suite.ts';
import {drain, jobsOf, takeSoon} from './queue-helpers.ts';

/** What a queue refuses. */
export const queueInput: ContractGroup = {
  name: 'the input of a queue',
  cases: [
    {
      name: 'is refused before anything is sent',
      async run(context) {
        const {kv, key} = context;
        const jobs = jobsOf(kv, context);
        const unchecked = jobs as unknown as Record<keyof typeof jobs, (...args: unknown[]) => unknown>;
        const withOptions = (options: unknown) => () => queue(kv, key('q'), options as QueueOptions<string>);
        await assertRefused(
          context,
          {
            'no name': () => queue(kv, '', {codec: utf8}),
            'a name that UTF-8 cannot encode': () => queue(kv, '\ud800', {codec: utf8}),
            'no handle': () => queue(wrong({}), 'q', {codec: utf8}),
            'no options': withOptions(undefined),
            'options that are none': withOptions(null),
            'no codec': withOptions({}),
            'a codec as the options': withOptions({encode: utf8.encode, decode: utf8.decode}),
            'text as the options': withOptions('x'),
            'half a codec': withOptions({codec: {encode: utf8.encode}}),
            'the other half': withOptions({codec: {decode: utf8.decode}}),
            'an unknown option of the queue': withOptions({codec: utf8, ttl: 5}),
            'a TTL of 0': withOptions({codec: utf8, ttlSeconds: 0}),
            'a depth of 0': withOptions({codec: utf8, maxDepth: 0}),
            'half an attempt': withOptions({codec: utf8, maxAttempts: 0.5}),
            'an unknown option': () => unchecked.add('v', {delay: 1}),
            'an option of another call': () => unchecked.prepareAdd('v', {onUnknownOutcome: 'throw'}),
            'a priority below 0': () => jobs.add('v', {priority: -1}),
            'a priority that is too large': () => jobs.add('v', {priority: 10_000_000}),
            'half a priority': () => jobs.add('v', {priority: 0.5}),
            'a priority in text': () => jobs.add('v', {priority: wrong('1')}),
            'a negative delay': () => jobs.add('v', {delaySeconds: -1}),
            'no number of a delay': () => jobs.add('v', {delaySeconds: Number.NaN}),
            'a delay in text': () => jobs.add('v', {delaySeconds: wrong('1')}),
            'a delay that is too long': () => jobs.prepareAdd('v', {delaySeconds: 2_147_484}),
            'an empty dedupKey': () => jobs.add('v', {dedupKey: ''}),
            'a dedupKey that is no text': () => jobs.add('v', {dedupKey: wrong(1)}),
            'dedupSeconds without a key': () => jobs.add('v', {dedupSeconds: 1}),
            'negative dedupSeconds': () => jobs.add('v', {dedupKey: 'k', dedupSeconds: -1}),
            'a job that is too large': () => jobs.add('x'.repeat(2_000_000)),
            'a job that is too large to be prepared': () => jobs.prepareAdd('x'.repeat(2_000_000)),
            'a signal that is none': () => jobs.take({signal: wrong(1)}),
            'an unknown option of take': () => unchecked.take({max: 1}),
            'a timeout of 0': () => jobs.take({timeoutMs: 0}),
            'no size of a batch': () => unchecked.takeBatch(),
            'an empty batch': () => jobs.takeBatch({max: 0}),
            'an option of depth': () => unchecked.depth({max: 1}),
            'an option of deadLetters': () => jobs.deadLetters(wrong({max: 1})).next(),
          },
          'it is refused',
          {
            'no name': /queue/,
            'no codec': /^codec.encode/,
            'the other half': /^codec.encode/,
            'half a codec': /^codec.decode/,
            'no options': /^options must be an object with a codec, not undefined/,
            'options that are none': /^options must be an object with a codec, not null/,
            'a codec as the options': /^unknown option "encode"/,
            'text as the options': /^options must be an object with a codec, not "x"/,
            'an unknown option of the queue': /^unknown option "ttl"/,
            'an empty batch': /^max must be/,
            'a depth of 0': /^maxDepth/,
            'half an attempt': /^maxAttempts/,
            'a priority below 0': /^priority must be a whole number from 0 to 9999999, not -1/,
            'a negative delay': /^delaySeconds must be from 0 to 2147483, not -1/,
            'negative dedupSeconds': /^dedupSeconds/,
            'dedupSeconds without a key': /dedupKey/,
            'no size of a batch': /^pass how many items to take/,
          },
        );
      },
    },
    {
      name: 'is refused by an item too, which is still there',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context);
        await jobs.add('a');
        const item = await takeSoon(jobs);
        for (const options of [{reason: 1}, {delaySeconds: -1}, {delay: 1}, 1]) {
          await assertFails('KVI_INVALID_ARGUMENT', () => item.nack(wrong(options)), 'it is refused');
        }
        assert.equal(item.signal.aborted, false);
        await item.ack();
      },
    },
    {
      name: 'is encoded by the codec, whose refusal is told, and nothing is added',
      async run(context) {
        const {kv, key} = context;
        const even: Codec<number> = {
          async encode(value) {
            await Promise.resolve();
            if (value % 2 !== 0) throw new RangeError(`${value} is odd`);
            return Buffer.from(String(value));
          },
          decode: (stored) => Number(Buffer.from(stored).toString()),
        };
        const jobs = queue(kv, key('q'), {codec: even});
        const error = await assertFails('KVI_INVALID_VALUE', () => jobs.add(1), 'it is refused');
        assert.match(error.message, /1 is odd/);
        assert.deepEqual(await keysOf(kv, context), []);
        await jobs.add(2);
        const item = await takeSoon(jobs);
        assert.equal(item.value, 2);
        await item.ack();
      },
    },
    {
      name: 'that somebody else stored below the name of a queue is named, and once it is gone, work goes on',
      async run(context) {
        const {kv, key} = context;
        const jobs = jobsOf(kv, context);
        await jobs.add('a');
        for (const value of ['by hand', 'null', '{"attempts":"1"}', '']) {
          await kv.store(key('q/ready/0'), value);
          const error = await assertFails('KVI_INVALID_VALUE', () => jobs.take(), value);
          assert.match(error.message, /q\/ready\/0/);
        }
        await kv.delete(key('q/ready/0'));
        // More is hidden than held, and yet nothing to be put back.
        await kv.store(key('q/hidden/x'), 'by hand');
        assert.deepEqual(await drain(jobs, 1), ['a']);
      },
    },
    {
      name: 'is read when the call is made: what the caller changes later changes nothing',
      async run(context) {
        const jobs = jobsOf(context.kv, context);
        const options = {dedupKey: 'k', priority: 1};
        const adding = jobs.add('a', options);
        options.dedupKey = 'l';
        options.priority = wrong('x');
        const {id} = await adding;
        assert.deepEqual(await jobs.add('b', {dedupKey: 'k'}), {added: false, id});
        const controller = new AbortController();
        controller.abort();
        await assertFails('KVI_ABORTED', () => jobs.add('c', {signal: controller.signal}), 'it was aborted');
        assert.equal(await jobs.depth(), 1);
        await drain(jobs, 1);
      },
    },
  ],
};
