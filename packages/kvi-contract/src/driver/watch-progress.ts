import assert from 'node:assert/strict';
import type {Bytes, DriverWatch, WatchResponse} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {write, within} from './steps.ts';

/** The responses of a watch up to the first one without events. */
async function untilProgress(watch: DriverWatch): Promise<WatchResponse<Bytes>[]> {
  const responses: WatchResponse<Bytes>[] = [];
  for (;;) {
    const {value, done} = await within(watch.next(), () => 'a request for progress is answered');
    if (done === true) assert.fail('a watch does not end by itself');
    responses.push(value);
    if (value.events.length === 0) return responses;
  }
}

/** Progress notifications that were asked for. */
export const watchProgress: ContractGroup = {
  name: 'a request for the progress of a watch',
  cases: [
    {
      name: 'is answered though nothing happens to its keys, with a revision that the store has reached',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const watch = driver.watch(k.range('a'));
        await watch.created;
        const revision = await write(await open(), k.put('b', '1'));
        watch.requestProgress();
        const responses = await untilProgress(watch);
        assert.equal(responses.length, 1, 'it has no events');
        assert.equal(responses[0]?.revision, revision);
        const next = await write(driver, k.put('b', '2'));
        watch.requestProgress();
        const [again] = await untilProgress(watch);
        assert.equal(again?.revision, next, 'it can be asked again');
      },
    },
    {
      name: 'is answered behind the events of the revisions before it',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const watch = driver.watch(k.all);
        await watch.created;
        const revisions: number[] = [];
        for (let n = 0; n < 20; n += 1) revisions.push(await write(driver, k.put('a', String(n))));
        watch.requestProgress();
        const responses = await untilProgress(watch);
        const seen = responses.flatMap(({events}) => events.map(({kv}) => kv.modRevision));
        assert.deepEqual(seen, revisions, 'all events of the revisions that it covers have been delivered');
        assert.equal(responses.at(-1)?.revision, revisions.at(-1));
      },
    },
    {
      name: 'is answered by a watch that is not in place yet, that catches up, or that starts later',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const first = await write(driver, k.put('a', '1'));
        const last = await write(driver, k.put('a', '2'));
        const starts = {'from now on': undefined, 'from the past': first, 'from the future': last + 100};
        for (const [from, startRevision] of Object.entries(starts)) {
          const watch = driver.watch({...k.all, startRevision});
          watch.requestProgress();
          const responses = await untilProgress(watch);
          assert.equal(responses.at(-1)?.revision, last, from);
          const events = responses.flatMap(({events: some}) => some.map(k.event));
          assert.deepEqual(events, startRevision === first ? ['put a=1', 'put a=2'] : [], from);
          await watch.return();
        }
      },
    },
    {
      name: 'is left unanswered by a watch that has ended',
      async run(context) {
        const {driver} = context;
        const watch = driver.watch(keyspace(context).all);
        await watch.return();
        watch.requestProgress();
        assert.deepEqual(await watch.next(), {done: true, value: undefined});
      },
    },
  ],
};
