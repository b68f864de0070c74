import assert from 'node:assert/strict';
import {eventValue, json, memoryValue, pipeValue} from 'kvi-core/recipes';
import {assertFails, soon} from '../kvi/helpers.ts';
import {wrong} from '../kvi/refused.ts';
import type {ContractGroup} from '../suite.ts';

interface Config {
  level: string;
}

/** Values without a store, and what pipes values from one to another. */
export const memoryValues: ContractGroup = {
  name: 'a memory value',
  cases: [
    {
      name: 'behaves as an event value',
      async run() {
        const value = memoryValue<string>();
        await using watcher = value.watch();
        assert.deepEqual(await watcher.get(), {key: '', modRevision: 0, value: undefined}, 'an absent value');
        const waiting = watcher.get();
        await assertFails('KVI_INVALID_ARGUMENT', () => watcher.get(), 'one get at a time');
        const first = await value.set('one', {ifModRevision: 0});
        assert.deepEqual(await waiting, {key: '', modRevision: first, value: 'one'});
        await assertFails('KVI_CONFLICT', () => value.set('x', {ifModRevision: 0}), 'it is there');
        const second = await value.set('two', {ifModRevision: first});
        await value.set('');
        assert.deepEqual((await watcher.get()).value, '', 'the newest, not those in between');
        await assertFails('KVI_CONFLICT', () => value.delete({ifModRevision: second}), 'it has changed');
        await value.delete();
        assert.deepEqual(await watcher.get(), {key: '', modRevision: 0, value: undefined}, 'a deletion');
        const present = [];
        for await (const seen of memoryValue('v').watch({backlogOnly: true})) present.push(seen);
        assert.deepEqual(present, [{key: '', modRevision: 1, value: 'v'}], 'backlogOnly ends');
        const controller = new AbortController();
        const signalled = value.watch({signal: controller.signal, filter: ({value: seen}) => seen === 'x'});
        const ended = signalled.get();
        controller.abort();
        await assertFails('KVI_ABORTED', () => ended, 'its signal ends it');
        await assertFails('KVI_ABORTED', () => value.set('x', {signal: controller.signal}), 'and a write');
        await assertFails('KVI_INVALID_ARGUMENT', () => value.set('x', wrong({ifRevision: 1})), 'a typo');
        await assertFails('KVI_INVALID_ARGUMENT', () => value.set('x', {ifModRevision: -1}), 'no revision');
        assert.equal((await memoryValue('x').watch().get()).modRevision, 1, 'an initial value was written');
      },
    },
    {
      name: 'is fed by a pipe from the store, deletions too, until the signal ends it',
      async run({kv, key}) {
        const source = eventValue(kv, key('config'), json<Config>());
        await source.set({level: 'info'});
        const local = memoryValue<Config>();
        await using watcher = local.watch({filter: ({modRevision}) => modRevision > 0});
        const controller = new AbortController();
        const pipe = pipeValue(source, local, {signal: controller.signal});
        pipe.catch(() => undefined);
        assert.deepEqual((await soon(watcher.get(), 'the present state')).value, {level: 'info'});
        await source.set({level: 'debug'});
        assert.deepEqual((await soon(watcher.get(), 'a change')).value, {level: 'debug'});
        await using all = local.watch();
        await all.get();
        await source.delete();
        assert.equal((await soon(all.get(), 'a deletion')).value, undefined);
        controller.abort();
        await assertFails('KVI_ABORTED', () => soon(pipe, 'the pipe ends'), 'its signal ends it');
        await kv.store(key('config'), 'no JSON');
        await assertFails('KVI_INVALID_VALUE', () => pipeValue(source, local), 'what cannot be read ends it');
      },
    },
  ],
};
