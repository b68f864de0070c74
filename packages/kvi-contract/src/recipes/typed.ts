import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {bytes, type Codec, json, typed, utf8} from 'kvi-core/recipes';
import type {ContractGroup} from '../suite.ts';
import {assertFails, contents, grantLease, leaseOf, soon} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import {abortEverywhere} from './abort-everywhere.ts';
import {
  assertInvalid,
  callsOfCodec,
  countingDriver,
  hangingCodec,
  type Item,
  items,
} from './typed-helpers.ts';

/** `typed`: reading and writing. */
export const typedViews: ContractGroup = {
  name: 'typed views',
  cases: [
    {
      name: 'values are stored as the codec encodes them, and read as it decodes them; the handle stays as it is',
      async run({kv, key, prefix}) {
        const view = typed(kv, items);
        assert.equal(await view.get(key('a')), undefined, 'an absent key has no value');
        await view.store(key('a'), {tag: 'x', n: 1});
        assert.deepEqual(await view.get(key('a')), {n: 1, tag: 'x'}, 'what was stored is read');
        await typed(kv, utf8).store(key('b'), 'é');
        await typed(kv.bytes, bytes).store(key('c'), Buffer.from('raw'));
        assert.deepEqual(
          await contents(kv, {prefix}),
          ['a={"n":1,"tag":"x"}', 'b=é', 'c=raw'],
          'the store has what the codec made',
        );
        assert.equal(await typed(kv, utf8).get(key('b')), 'é', 'text is read as text');
        assert.deepEqual(
          await typed(kv, bytes).get(key('c')),
          new Uint8Array(Buffer.from('raw')),
          'bytes as bytes',
        );
        assert.equal(await view.delete(key('a')), true, 'the key existed');
        assert.equal(await view.delete({prefix}), true, 'a prefix can be deleted');
        assert.deepEqual(await contents(kv, {prefix}), [], 'nothing is left');
      },
    },
    {
      name: 'a codec may be asynchronous, and is told the key',
      async run({kv, key}) {
        const keys: string[] = [];
        const codec: Codec<string> = {
          async encode(value, at) {
            keys.push(at);
            return Promise.resolve(Buffer.from(value));
          },
          async decode(stored, at) {
            keys.push(at);
            return Promise.resolve(`${at}=${Buffer.from(stored).toString()}`);
          },
        };
        const view = typed(kv, codec);
        await view.store(key('k'), 'v');
        assert.equal(await view.get(key('k')), `${key('k')}=v`, 'its result is awaited');
        assert.deepEqual(keys, [key('k'), key('k')], 'it knows where the value belongs');
      },
    },
    {
      name: 'getRange returns typed values with their history, and takes the options of Kvi.getRange',
      async run({kv, driver, key, prefix}) {
        const view = typed(kv, items);
        const lease = await grantLease(driver);
        for (const [i, name] of ['a', 'b', 'c'].entries()) await view.store(key(name), {n: i}, {lease});
        const {revision} = await kv.range({prefix});
        await view.store(key('b'), {n: 7});
        const expected = (await kv.getRange({prefix})).map(({value, ...kept}) => ({
          ...kept,
          value: JSON.parse(value) as unknown,
        }));
        assert.deepEqual(await view.getRange({prefix}), expected, 'only the value differs');
        assert.deepEqual(
          (await view.getRange({prefix}, {revision, limit: 2, sortOrder: 'descend'})).map(
            ({value}) => value?.n,
          ),
          [2, 1],
          'the options mean the same',
        );
        assert.equal(await leaseOf(kv, key('a')), lease, 'store takes a lease');
        await driver.leaseRevoke(lease);
      },
    },
    {
      name: 'a value that cannot be decoded is the error of its entry, which names the key; the others are read',
      async run({kv, key, prefix}) {
        const view = typed(kv, items);
        for (let i = 10; i < 30; i += 1) await view.store(key(String(i)), {n: i});
        await kv.store(key('13'), 'by hand');
        await kv.store(key('17'), '{"n":-1}');
        const entries = await view.getRange({prefix});
        assert.equal(entries.length, 20, 'no entry is left out');
        for (const {key: at, value, error, modRevision} of entries) {
          const name = at.slice(prefix.length);
          assert.ok(modRevision > 0, 'each has its history');
          if (name === '13') assertInvalid(error, at, 'JSON', 'what is no JSON is told');
          else if (name === '17') assertInvalid(error, at, 'n is negative', 'what the codec refuses is told');
          else assert.deepEqual([value, error], [{n: Number(name)}, undefined], 'the others are read');
        }
      },
    },
    {
      name: 'get of a value that cannot be decoded fails, and names the key; store, delete and tas still work on it',
      async run({kv, key}) {
        const view = typed(kv, items);
        const k = key('k');
        await kv.store(k, '{"n":-1}');
        const error = await assertFails('KVI_INVALID_VALUE', () => view.get(k), 'the codec refuses it');
        assertInvalid(error, k, 'n is negative', 'get tells');
        assert.equal(await view.tas(k, null, {n: 1}), false, 'the key exists');
        await view.store(k, {n: 1});
        assert.deepEqual(await view.get(k), {n: 1}, 'it was overwritten');
        await kv.store(k, 'by hand');
        assert.equal(await view.delete(k), true, 'it can be deleted');
      },
    },
    {
      name: 'whatever a codec throws is the cause of the error',
      async run({kv, key}) {
        await kv.store(key('k'), 'v');
        for (const thrown of [new Error('broken'), wrong('a text'), wrong(undefined)]) {
          const fail = () => {
            throw thrown;
          };
          const view = typed<Item>(kv, {encode: fail, decode: fail});
          for (const call of [() => view.get(key('k')), () => view.store(key('k'), {n: 1})]) {
            const {cause} = await assertFails('KVI_INVALID_VALUE', call, `${String(thrown)} is thrown`);
            assert.equal(cause, thrown, 'the cause is what was thrown');
          }
        }
        assert.equal(await kv.get(key('k')), 'v', 'nothing was written');
      },
    },
    {
      name: 'tas compares bytes: the order of properties does not matter with json, spaces do',
      async run({kv, key}) {
        const view = typed(kv, items);
        const k = key('k');
        assert.equal(await view.tas(k, null, {n: 1, tag: 'a'}), true, 'the key did not exist');
        assert.equal(await view.tas(k, null, {n: 2}), false, 'it exists');
        assert.equal(await view.tas(k, {n: 1}, {n: 2}), false, 'another value');
        assert.equal(await view.tas(k, {tag: 'a', n: 1}, {n: 2}), true, 'an equal value');
        await kv.store(k, '{ "n": 2 }');
        assert.equal(await view.tas(k, {n: 2}, {n: 3}), false, 'other bytes');
        assert.deepEqual(await view.get(k), {n: 2}, 'nothing was written');
      },
    },
    {
      name: 'a value is stored as it was when the call was made, whatever its caller does to it then',
      async run({kv, key}) {
        const view = typed(kv, json<Item>());
        const value: Item = {n: 1};
        const storing = view.store(key('k'), value);
        value.n = 2;
        await storing;
        assert.deepEqual(await view.get(key('k')), {n: 1});
        const [test, next] = [{n: 1}, {n: 3}];
        const replacing = view.tas(key('k'), test, next);
        test.n = next.n = 4;
        assert.equal(await replacing, true);
        assert.deepEqual(await view.get(key('k')), {n: 3});
      },
    },
    {
      name: 'a value that cannot be encoded is refused before anything is sent',
      async run({open, kv, key, prefix}) {
        const {driver, requests} = countingDriver(await open());
        await using client = createKvi(driver);
        const view = typed(client, items);
        const bad = {n: -1};
        const calls: Record<string, () => Promise<unknown>> = {
          store: () => view.store(key('k'), bad),
          'tas, test': () => view.tas(key('k'), bad, {n: 1}),
          'tas, value': () => view.tas(key('k'), {n: 1}, bad),
          'no bytes': () => typed(client, {...items, encode: () => wrong(5)}).store(key('k'), {n: 1}),
          bigint: () => typed(client, json<unknown>()).store(key('k'), 1n),
        };
        for (const [name, call] of Object.entries(calls)) {
          const error = await assertFails('KVI_INVALID_VALUE', call, name);
          assertInvalid(error, key('k'), '', name);
        }
        assert.deepEqual(requests(), [], 'nothing was sent');
        await assertFails('KVI_INVALID_VALUE', () => view.update(key('k'), () => bad), 'update');
        assert.deepEqual(requests(), ['range'], 'update only reads');
        assert.deepEqual(await contents(kv, {prefix}), [], 'nothing was written');
      },
    },
    {
      name: 'wrong keys, options, codecs and handles are refused before anything is sent or encoded',
      async run({kv, key, prefix}) {
        let used = 0;
        const use = () => wrong((used += 1));
        const view = typed<Item>(kv, {encode: use, decode: use});
        const k = key('k');
        for (const bad of [5, null, undefined, Buffer.from('k'), Symbol('s')]) {
          await assertRefused(
            {kv, key, prefix},
            {
              get: () => view.get(wrong(bad)),
              store: () => view.store(wrong(bad), {n: 1}),
              tas: () => view.tas(wrong(bad), null, {n: 1}),
              update: () => view.update(wrong(bad), () => undefined),
              watch: () => view.watch(wrong(bad)),
            },
            `${String(bad)} is no key of a typed view`,
          );
        }
        const unknown = wrong({colour: 'red'});
        await assertRefused(
          {kv, key, prefix},
          {
            get: () => view.get(k, unknown),
            getRange: () => view.getRange(k, unknown),
            'getRange, keysOnly': () => view.getRange(k, wrong({keysOnly: true})),
            store: () => view.store(k, {n: 1}, unknown),
            tas: () => view.tas(k, null, {n: 1}, unknown),
            update: () => view.update(k, () => undefined, unknown),
            'update, timeoutMs': () => view.update(k, () => undefined, {timeoutMs: 0}),
            'update, signal': () => view.update(k, () => undefined, {signal: wrong(5)}),
            'update, fn': () => view.update(k, wrong(5)),
            ...Object.fromEntries(
              [0, -1, 1.5, NaN, Infinity, wrong('1'), wrong(null)].map((bad) => [
                `update, maxAttempts ${String(bad)}`,
                () => view.update(k, () => undefined, {maxAttempts: bad}),
              ]),
            ),
            delete: () => view.delete(k, unknown),
            'delete of an empty prefix': () => view.delete({prefix: ''}),
            watch: () => view.watch(k, unknown),
            changes: () => view.changes(k, unknown).next(),
            'changes, created': () => view.changes(wrong(5)).created,
            'no handle': () => typed(wrong({}), items),
            'no codec': () => typed(kv, wrong(undefined)),
            'half a codec': () => typed(kv, wrong({encode: items.encode})),
          },
          'what is wrong is refused',
          {'no codec': /^codec.encode must/, 'half a codec': /^codec.decode must/},
        );
        assert.equal(used, 0, 'the codec is not called');
        await assertRefused(
          {kv, key, prefix},
          {get: () => typed(kv, items).get(''), store: () => typed(kv, items).store('', {n: 1})},
          'a key cannot be empty',
        );
      },
    },
    {
      name: 'a key that is not text fails a read of its range with KVI_NOT_TEXT, as on every handle of text',
      async run({kv, key, prefix}) {
        const view = typed(kv, items);
        await view.store(key('a'), {n: 1});
        await kv.store(Buffer.concat([Buffer.from(key('b')), Buffer.from([0xff])]), '{"n":2}');
        await assertFails('KVI_NOT_TEXT', () => view.getRange({prefix}), 'a key that is no text');
        assert.deepEqual(await view.get(key('a')), {n: 1}, 'other keys are read');
      },
    },
    {
      name: 'a codec that never ends is given up with the time, the signal or the handle, and nothing is written',
      async run({kv, openKvi, key}) {
        const k = key('k');
        await kv.store(k, '{"n":1}');
        for (const name of Object.keys(callsOfCodec(kv, typed(kv, items), k))) {
          const hang = (handle = kv, options: Parameters<typeof callsOfCodec>[3] = {}) => {
            const {codec, called} = hangingCodec();
            const call = callsOfCodec(handle, typed(handle, codec), k, options)[name]?.();
            call?.catch(() => undefined);
            return {call, called};
          };
          await assertFails('KVI_TIMEOUT', () => hang(kv, {timeoutMs: 20}).call, `${name}: timeoutMs`);

          const controller = new AbortController();
          const aborted = hang(kv, {signal: controller.signal});
          await soon(aborted.called, `${name}: the codec is called`);
          controller.abort('enough');
          const error = await assertFails('KVI_ABORTED', () => aborted.call, `${name}: signal`);
          assert.equal(error.cause, 'enough', `${name}: the cause is the signal's reason`);

          const handle = await openKvi();
          const closed = hang(handle);
          await soon(closed.called, `${name}: the codec is called`);
          await handle.close();
          await assertFails('KVI_CLOSED', () => closed.call, `${name}: close`);
        }
        assert.equal(await kv.get(k), '{"n":1}', 'nothing was written');
      },
    },
    {
      name: 'after close every call fails with KVI_CLOSED, and a signal that has aborted ends every call before it begins',
      async run({kv, openKvi, key}) {
        const k = key('k');
        await kv.store(k, '{"n":1}');
        const {codec} = hangingCodec();
        const signal = AbortSignal.abort('enough');
        const closed = await openKvi();
        await closed.close();
        for (const [code, handle, options] of [
          ['KVI_ABORTED', kv, {signal}],
          ['KVI_CLOSED', closed, {}],
        ] as const) {
          const view = typed(handle, codec);
          const calls = {
            ...callsOfCodec(handle, view, k, options),
            delete: () => view.delete(k, options),
            changes: () => view.changes(k, options).next(),
          };
          for (const [name, call] of Object.entries(calls)) await assertFails(code, call, name);
        }
        assert.equal(await kv.get(k), '{"n":1}', 'nothing was written');
      },
    },
    {
      name: 'aborted at each of its requests, a call fails or succeeds, and writes all or nothing',
      async run(context) {
        const {kv, key, prefix} = context;
        const k = key('k');
        const before = 'k={"n":1}';
        const after = 'k={"n":2}';
        for (const name of ['get', 'getRange', 'store', 'tas, test', 'update', 'watch']) {
          await kv.store(k, '{"n":1}');
          await abortEverywhere(
            context,
            async (client, signal) => callsOfCodec(client, typed(client, items), k, {signal})[name]?.(),
            async (failed) => {
              const [found] = await contents(kv, {prefix});
              const writes = ['store', 'tas, test', 'update'].includes(name);
              if (!failed) assert.equal(found, writes ? after : before, `${name} that succeeded has written`);
              else assert.ok(found === before || (writes && found === after), `${name}: all or nothing`);
              await kv.store(k, '{"n":1}');
            },
          );
        }
      },
    },
  ],
};
