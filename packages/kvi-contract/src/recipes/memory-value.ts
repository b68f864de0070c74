import assert from 'node:assert/strict';
import {isKviError} from 'kvi-core/driver';
import {eventValue, json, memoryValue, pipeValue, utf8} from 'kvi-core/recipes';
import {assertFails, soon} from '../kvi/helpers.ts';
import {wrong} from '../kvi/refused.ts';
import type {ContractGroup} from '../suite.ts';
import {followedValues, nextSeen, seenUntil} from './followed-value.ts';

interface Config {
  level: string;
}

/** Values in memory: what they share with those in a store, and what they add. */
export const memoryValues = followedValues('a memory value', () => memoryValue<string>(), [
  {
    name: 'may have a value from the start, has an empty key, and hands out the value itself',
    async run() {
      const first = {level: 'info'};
      const value = memoryValue<Config>(first);
      await using watcher = value.watch();
      const seen = await watcher.get();
      assert.deepEqual(seen, {key: '', modRevision: 1, value: {level: 'info'}});
      assert.equal(seen.value, first, 'it is no copy');
      await assertFails('KVI_CONFLICT', () => value.set(first, {ifModRevision: 0}), 'it is there');
      await value.delete({ifModRevision: seen.modRevision});
      assert.deepEqual(await watcher.get(), {key: '', modRevision: 0, value: undefined});
    },
  },
  {
    name: 'counts its writes, and nothing is written by deleting what is not there',
    async run() {
      const value = memoryValue<string>();
      assert.deepEqual(await value.watch().get(), {key: '', modRevision: 0, value: undefined});
      await value.delete();
      await value.set('a');
      assert.equal((await value.watch().get()).modRevision, 1);
      const error = await assertFails('KVI_CONFLICT', () => value.set('b', {ifModRevision: 7}), 'it changed');
      assert.match(error.message, /^the value /);
    },
  },
  {
    name: 'takes null and an empty value for values',
    async run() {
      const value = memoryValue<string | null>(null);
      await using watcher = value.watch();
      assert.deepEqual(await watcher.get(), {key: '', modRevision: 1, value: null});
      await value.set('');
      assert.deepEqual(await watcher.get(), {key: '', modRevision: 2, value: ''});
    },
  },
]);

/** What pipes the states of one value to another. */
export const pipes: ContractGroup = {
  name: 'a pipe',
  cases: [
    {
      name: 'from the store to memory writes each state, deletions too, until its signal ends it',
      async run({kv, key}) {
        const source = eventValue(kv, key('config'), json<Config>());
        await source.set({level: 'info'});
        const local = memoryValue<Config>();
        await using watcher = local.watch({filter: ({modRevision}) => modRevision > 0});
        const controller = new AbortController();
        const pipe = pipeValue(source, local, {signal: controller.signal});
        assert.deepEqual((await nextSeen(watcher, 'the present state')).value, {level: 'info'});
        await source.set({level: 'debug'});
        assert.deepEqual((await nextSeen(watcher, 'a change')).value, {level: 'debug'});
        await using all = local.watch();
        await nextSeen(all, 'the present state');
        await source.delete();
        assert.equal((await nextSeen(all, 'a deletion')).value, undefined);
        controller.abort();
        await assertFails('KVI_ABORTED', () => pipe, 'its signal ends it');
        await source.set({level: 'after'});
        assert.equal((await local.watch().get()).value, undefined, 'nothing more is written');
      },
    },
    {
      name: 'from memory to the store writes the newest state, and deletes where there is none',
      async run({kv, key}) {
        const local = memoryValue<string>();
        const target = eventValue(kv, key('k'), utf8);
        await target.set('to be deleted');
        await using watcher = target.watch();
        await nextSeen(watcher, 'before');
        const controller = new AbortController();
        const pipe = pipeValue(local, target, {signal: controller.signal});
        assert.equal((await nextSeen(watcher, 'there is no value')).value, undefined);
        for (let i = 1; i <= 20; i += 1) await local.set(String(i));
        await seenUntil(watcher, '20', 'the newest state comes');
        controller.abort();
        // The watcher may be told of a write before the pipe is.
        await assert.rejects(soon(pipe, 'its signal ends it'), (error) =>
          isKviError(error, 'KVI_ABORTED', 'KVI_UNKNOWN_OUTCOME'),
        );
      },
    },
    {
      name: 'ends with what cannot be read or written, and is refused what is no option and no single value',
      async run({kv, key}) {
        const source = eventValue(kv, key('config'), json<Config>());
        await kv.store(key('config'), 'no JSON');
        const local = memoryValue<Config>();
        await assertFails('KVI_INVALID_VALUE', () => pipeValue(source, local), 'what cannot be read');
        const failing = {...local, delete: () => Promise.reject(new Error('cannot be written'))};
        await assert.rejects(soon(pipeValue(memoryValue<Config>(), failing), 'it ends'), {
          message: 'cannot be written',
        });
        const typo = wrong({sginal: AbortSignal.abort()});
        await assertFails('KVI_INVALID_ARGUMENT', () => pipeValue(local, local, typo), 'a typo');
        const signal = AbortSignal.abort();
        await assertFails('KVI_ABORTED', () => pipeValue(local, local, {signal}), 'aborted before');

        const range = eventValue(kv, {prefix: key('r/')}, json<Config>());
        const compiled = async () => {
          // @ts-expect-error one value cannot hold those of several keys
          await pipeValue(range, local);
          const {value} = await local.watch().get();
          // @ts-expect-error the value may be absent
          return value.level;
        };
        assert.equal(typeof compiled, 'function');
      },
    },
  ],
};
