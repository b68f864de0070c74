/** What a value that is followed does, whether it is in a store or in memory. */
import assert from 'node:assert/strict';
import type {EventValue, Seen, ValueWatcher} from 'kvi-core/recipes';
import {assertFails, soon} from '../kvi/helpers.ts';
import {wrong} from '../kvi/refused.ts';
import type {CaseContext, ContractCase, ContractGroup} from '../suite.ts';

/** The next state, soon. */
export function nextSeen<V, L>(watcher: ValueWatcher<V, L>, promise: string): Promise<Seen<V> | L> {
  return soon(watcher.get(), promise);
}

/** Reads until the value is there, and asserts that no state is older than the one before. */
export async function seenUntil<V>(
  watcher: ValueWatcher<V>,
  value: V | undefined,
  promise: string,
): Promise<Seen<V>> {
  for (let last = 0; ;) {
    const seen = await nextSeen(watcher, promise);
    assert.ok(seen.modRevision === 0 || seen.modRevision >= last, `${promise}: no state is older`);
    last = seen.modRevision;
    if (seen.value === value) return seen;
  }
}

/** Asserts that a `get` has nothing to tell as long as nothing happens, but only what `write` writes next. */
export async function assertNothingUntil<V>(
  watcher: ValueWatcher<V>,
  value: V,
  write: () => Promise<unknown>,
  promise: string,
): Promise<void> {
  const waiting = watcher.get();
  await write();
  assert.equal((await soon(waiting, promise)).value, value, promise);
}

/** @param valueOf - the value of a case */
export function followedValues(
  name: string,
  valueOf: (context: CaseContext) => EventValue<string>,
  cases: ContractCase[],
): ContractGroup {
  /** A case gets the value, too. */
  function promise(
    caseName: string,
    run: (value: EventValue<string>, context: CaseContext) => Promise<void>,
  ): ContractCase {
    return {name: caseName, run: (context) => run(valueOf(context), context)};
  }

  return {
    name,
    cases: [
      promise(
        'simple: tells the present state first, then newer ones with their revisions',
        async (value) => {
          const one = await value.set('one');
          await using watcher = value.watch();
          const first = await nextSeen(watcher, 'the present state comes first');
          assert.deepEqual([first.modRevision, first.value], [one, 'one']);
          const two = await value.set('two');
          const second = await nextSeen(watcher, 'it is told what was set');
          assert.deepEqual([second.modRevision, second.value], [two, 'two']);
          await using late = value.watch();
          assert.deepEqual(
            await nextSeen(late, 'a late watcher'),
            second,
            'each watcher has the present state',
          );
          for (const next of ['three', 'four', 'five', 'six']) await value.set(next);
          for (const each of [watcher, late]) await seenUntil(each, 'six', 'each watcher is told the newest');
        },
      ),
      promise('early use: an absent key is a state, and what is set is told', async (value) => {
        await using watcher = value.watch();
        const absent = await nextSeen(watcher, 'an absent key is a state');
        assert.deepEqual([absent.modRevision, absent.value], [0, undefined]);
        await value.set('one', {ifModRevision: absent.modRevision});
        assert.equal((await nextSeen(watcher, 'it is told what was set')).value, 'one');
      }),
      promise('the first get tells the state of its time, not of the time of watch', async (value) => {
        await using watcher = value.watch();
        await value.set('one');
        await value.set('two');
        assert.equal((await nextSeen(watcher, 'the present state')).value, 'two', 'no older one comes');
      }),
      promise('remove: an empty value, a deletion and an absent key are told apart', async (value) => {
        await value.set('');
        await using watcher = value.watch();
        assert.equal((await nextSeen(watcher, 'an empty value')).value, '', 'an empty value is a value');
        await value.delete();
        const gone = await nextSeen(watcher, 'a deletion is told');
        assert.deepEqual([gone.modRevision, gone.value], [0, undefined]);
        const revision = await value.set('', {ifModRevision: gone.modRevision});
        const back = await nextSeen(watcher, 'the key is there again');
        assert.deepEqual([back.modRevision, back.value], [revision, '']);
        await value.delete();
        assert.equal((await nextSeen(watcher, 'gone again')).value, undefined);
        const deletesNothing = async () => {
          await value.delete();
          await value.set('last');
        };
        await assertNothingUntil(watcher, 'last', deletesNothing, 'what deletes nothing tells nothing');
      }),
      promise('cancel: a get that is aborted loses nothing, and the watcher stays usable', async (value) => {
        await using watcher = value.watch();
        await nextSeen(watcher, 'the absent key');
        const controller = new AbortController();
        const waiting = watcher.get({signal: controller.signal});
        const reason = new Error('enough');
        controller.abort(reason);
        const error = await assertFails('KVI_ABORTED', () => waiting, 'the signal ends the get');
        assert.equal(error.cause, reason);
        await value.set('one');
        await assertFails('KVI_ABORTED', () => watcher.get({signal: controller.signal}), 'aborted before');
        assert.equal((await nextSeen(watcher, 'the watcher is usable')).value, 'one', 'nothing is lost');
      }),
      promise('two gets at once on one watcher are refused, and the first goes on', async (value) => {
        await using watcher = value.watch();
        await nextSeen(watcher, 'the absent key');
        const first = watcher.get();
        const error = await assertFails('KVI_INVALID_ARGUMENT', () => watcher.get(), 'one at a time');
        assert.match(error.message, /another get/);
        await value.set('v');
        assert.equal((await soon(first, 'the first goes on')).value, 'v');
        await value.set('w');
        assert.equal((await nextSeen(watcher, 'the next one is welcome')).value, 'w');
      }),
      promise('close during get: it ends with close, and with the signal of its watcher', async (value) => {
        const watcher = value.watch();
        await nextSeen(watcher, 'the absent key');
        const waiting = watcher.get();
        await watcher.close();
        await watcher.close();
        await assertFails('KVI_CLOSED', () => waiting, 'closing ends a get');
        await assertFails('KVI_CLOSED', () => watcher.get(), 'a closed watcher');

        const controller = new AbortController();
        const signalled = value.watch({signal: controller.signal});
        await nextSeen(signalled, 'the absent key');
        const pending = signalled.get();
        controller.abort();
        await assertFails('KVI_ABORTED', () => pending, 'its signal ends it');
        await assertFails('KVI_ABORTED', () => signalled.get(), 'it stays so');
        await signalled.close();
        await assertFails('KVI_ABORTED', () => signalled.get(), 'the first end counts');
        await assertFails('KVI_ABORTED', () => value.watch({signal: controller.signal}), 'aborted before');

        const unread = new AbortController();
        const early = value.watch({signal: unread.signal});
        unread.abort();
        await assertFails('KVI_ABORTED', () => early.get(), 'its signal ends it before the first get');
      }),
      promise('a loop ends when it is left, and when its watcher is closed', async (value) => {
        await value.set('v');
        const looped = value.watch();
        for await (const {value: seen} of looped) {
          assert.equal(seen, 'v');
          break;
        }
        await assertFails('KVI_CLOSED', () => looped.get(), 'leaving the loop ends it');

        const watcher = value.watch();
        const values = watcher[Symbol.asyncIterator]();
        await soon(values.next(), 'the value');
        const waiting = values.next();
        await watcher.close();
        const over = {done: true, value: undefined};
        assert.deepEqual(await soon(waiting, 'closing ends the loop'), over);
        assert.deepEqual(await soon(values.next(), 'it stays over'), over);

        const controller = new AbortController();
        const signalled = value.watch({signal: controller.signal})[Symbol.asyncIterator]();
        await soon(signalled.next(), 'the value');
        const pending = signalled.next();
        controller.abort();
        await assertFails('KVI_ABORTED', () => pending, 'a signal fails it');
      }),
      promise('backlog only: the present state is told, and then it ends', async (value) => {
        const empty = value.watch({backlogOnly: true});
        assert.equal((await nextSeen(empty, 'an absent key'))?.value, undefined, 'an absent key is a state');
        await value.set('v');
        assert.equal(await nextSeen(empty, 'it has been read'), undefined, 'undefined is the end');
        await assertFails('KVI_CLOSED', () => empty.get(), 'after its end it is closed');
        const seen = [];
        for await (const each of value.watch({backlogOnly: true})) seen.push(each.value);
        assert.deepEqual(seen, ['v'], 'a loop ends');
        const none = value.watch({backlogOnly: true, filter: () => false});
        assert.equal(await nextSeen(none, 'a filter that passes nothing'), undefined, 'it ends, too');
      }),
      promise('a filter skips states, and what it throws is thrown once', async (value) => {
        await using watcher = value.watch({
          filter(seen) {
            if (seen.value === 'bad') throw new Error('a bad value');
            return seen.value?.startsWith('a') === true;
          },
        });
        const first = watcher.get();
        await value.set('b');
        await value.set('a');
        assert.equal((await soon(first, 'the first that passes')).value, 'a');
        await value.set('bad');
        await assert.rejects(soon(watcher.get(), 'the filter throws'), {message: 'a bad value'});
        await value.set('again');
        assert.equal((await nextSeen(watcher, 'the watcher goes on')).value, 'again');
      }),
      promise('set and delete change only what ifModRevision says', async (value) => {
        const present = async () => {
          await using watcher = value.watch({backlogOnly: true});
          return (await nextSeen(watcher, 'the present state'))?.value;
        };
        const first = await value.set('one', {ifModRevision: 0});
        const existing = () => value.set('x', {ifModRevision: 0});
        assert.match(
          (await assertFails('KVI_CONFLICT', existing, 'it exists')).message,
          /exists; nothing was/,
        );
        const second = await value.set('two', {ifModRevision: first});
        assert.ok(second > first, 'each write has its revision');
        const late = () => value.set('x', {ifModRevision: first});
        const {message} = await assertFails('KVI_CONFLICT', late, 'too late');
        assert.match(message, new RegExp(`not last written at revision ${first};`));
        await assertFails('KVI_CONFLICT', () => value.delete({ifModRevision: first}), 'too late to delete');
        const signal = AbortSignal.abort();
        await assertFails('KVI_ABORTED', () => value.set('x', {signal}), 'an aborted signal');
        await assertFails('KVI_ABORTED', () => value.delete({signal}), 'an aborted signal');
        await assertFails('KVI_INVALID_VALUE', () => value.set(wrong(undefined)), 'undefined is no value');
        assert.equal(await present(), 'two', 'nothing was changed');
        await value.delete({ifModRevision: second});
        assert.equal(await present(), undefined);
      }),
      promise('refuses what is no option', async (value) => {
        const refused: Record<string, [call: () => unknown, message: RegExp]> = {
          'an unknown option of watch': [() => value.watch(wrong({prefix: 'x'})), /prefix/],
          'options that are no object': [() => value.watch(wrong(5)), /object/],
          'no signal': [() => value.watch({signal: wrong(5)}), /signal/],
          'no filter': [() => value.watch({filter: wrong(5)}), /^filter/],
          'no boolean': [() => value.watch({backlogOnly: wrong(1)}), /^backlogOnly/],
          'an unknown option of get': [() => value.watch().get(wrong({timeoutMs: 5})), /timeoutMs/],
          'no revision': [() => value.set('v', {ifModRevision: -1}), /^ifModRevision/],
          'no whole revision': [() => value.delete({ifModRevision: 0.5}), /^ifModRevision/],
          'an unknown option of set': [() => value.set('v', wrong({ifRevision: 1})), /ifRevision/],
          'no time': [() => value.set('v', {timeoutMs: -1}), /timeoutMs/],
        };
        for (const [what, [call, message]] of Object.entries(refused)) {
          const error = await assertFails('KVI_INVALID_ARGUMENT', call, what);
          assert.match(error.message, message, `${what}: the message names what is wrong`);
        }
        await using watcher = value.watch({backlogOnly: true});
        const seen = await nextSeen(watcher, 'the present state');
        assert.equal(seen?.modRevision, 0, 'nothing was written');
      }),
      ...cases,
    ],
  };
}
