import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {isKviError, KviError} from 'kvi-core/driver';
import {discover, register, type RegisterOptions} from 'kvi-core/recipes';
import {breakableClient, missed} from '../kvi/connection.ts';
import {assertFails, soon} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import type {ContractGroup} from '../suite.ts';
import {abortEverywhere} from './abort-everywhere.ts';
import {addrsOf, goValue, goValues, nextState, one, two, untilAddrs} from './discovery-helpers.ts';
import {endingWatches} from './ending-watches.ts';

/** `discover`. */
export const discovery: ContractGroup = {
  name: 'service discovery',
  cases: [
    {
      name: 'the present instances come first, none too, then all of them after each change',
      async run({kv, openKvi, key}) {
        await using instances = discover(kv, key('checkout'));
        assert.equal((await nextState(instances, 'an empty list is a state')).size, 0, 'nobody is there');
        const other = await openKvi();
        const first = await register(other, key('checkout'), {addr: one, metadata: {zone: 'a'}});
        const came = await nextState(instances, 'an instance that comes is a change');
        assert.deepEqual(
          [...came],
          [[one, {addr: one, metadata: {zone: 'a'}, key: `${key('checkout')}/${one}`}]],
          'an instance has its address, its metadata and its key',
        );
        await using second = await register(other, key('checkout'), {addr: two});
        const both = await nextState(instances, 'a second one is a change');
        assert.deepEqual(
          [...both.values()].map(({addr, metadata}) => [addr, metadata]),
          [
            [one, {zone: 'a'}],
            [two, null],
          ],
          'two instances are listed under one name',
        );
        assert.equal(came.size, 1, 'a map that was handed out does not change');
        await first.close();
        await first.close();
        const left = await nextState(instances, 'an instance that goes is a change');
        assert.deepEqual([...left.keys()], [second.addr], 'and gone at once');
        assert.ok(isKviError(first.signal.reason, 'KVI_CLOSED'), 'closing is no loss');
      },
    },
    {
      name: 'what the Go client decodes below the name is an instance, under whatever key',
      async run({kv, key}) {
        const values: [value: string, addr: string, metadata: unknown][] = [
          ...goValues.map(([metadata, stored]): [string, string, unknown] => [stored, one, metadata ?? null]),
          ['{"Op":1,"Addr":"b:1","Metadata":[1,{"x":null}]}', 'b:1', [1, {x: null}]],
          [' { "Addr" : "b:1" } ', 'b:1', null],
          ['{"addr":"b:1","METADATA":"m","op":0}', 'b:1', 'm'],
          ['{"Addr":"a:1","addr":"b:1","Other":5}', 'b:1', null],
          ['{"Op":null,"Addr":"b:1"}', 'b:1', null],
          ['{"Addr":"unix:/run/b.sock","__proto__":5}', 'unix:/run/b.sock', null],
        ];
        for (const [value, addr, metadata] of values) {
          await kv.store(key('checkout/host'), value);
          await using instances = discover(kv, key('checkout'));
          assert.deepEqual(
            [...(await nextState(instances, 'the present state comes at once')).values()],
            [{addr, metadata, key: key('checkout/host')}],
            `${value} is an instance`,
          );
        }
      },
    },
    {
      name: 'what the Go client does not decode, or what has no address, is passed over, and so is a binary key',
      async run({kv, key}) {
        await using instances = discover(kv, key('checkout'));
        await untilAddrs(instances, [], 'an empty list is a state');
        const bad = [
          '',
          'garbage',
          'null',
          '[]',
          '"text"',
          '{}',
          '{"Addr":""}',
          '{"Addr":null}',
          '{"Addr":5}',
          '{"Addr":"a:1","Op":"add"}',
          '{"Addr":"a:1","Op":256}',
          '{"Addr":"a:1","Op":-1}',
          '{"Addr":"a:1","Op":0.5}',
          '{"Addr":"a:1"} x',
          '\ufeff{"Addr":"a:1"}',
          Buffer.from([0xff, 0x00, 0xfe]),
        ];
        for (const [i, value] of bad.entries()) await kv.store(key(`checkout/${String(i)}`), value);
        await kv.store(Buffer.concat([Buffer.from(key('checkout/')), Buffer.from([0xff])]), goValue(two));
        await kv.store(key('checkout'), goValue(two));
        await kv.store(key('checkout-eu/x'), goValue(two));
        assert.deepEqual(await addrsOf(kv, key('checkout')), [], 'a new reader passes it over');
        await using _entry = await register(kv, key('checkout'), {addr: one});
        const next = await nextState(instances, 'a reader that was there goes on');
        assert.deepEqual([...next.keys()], [one], 'and passes it over, without a state for each');
      },
    },
    {
      name: 'a name that lies inside another counts for both, as in Go; one that only begins like it does not',
      async run({kv, key}) {
        await using _outer = await register(kv, key('a'), {addr: one});
        await using _inner = await register(kv, key('a/b'), {addr: two});
        await using _beside = await register(kv, key('ab'), {addr: 'ab:1'});
        await using _leading = await register(kv, `/${key('a')}`, {addr: 'leading:1'});
        assert.deepEqual(await addrsOf(kv, key('a')), [one, two], 'what is below the name is listed');
        assert.deepEqual(await addrsOf(kv, key('a/b')), [two], 'the inner name has its own');
        assert.deepEqual(
          await addrsOf(kv, `/${key('a')}`),
          ['leading:1'],
          'a slash in front is another name',
        );
      },
    },
    {
      name: 'bad names, addresses, metadata and options are refused',
      async run({kv, key, prefix}) {
        const target = key('checkout');
        const circular: {self?: unknown} = {};
        circular.self = circular;
        const badOptions: Record<string, RegisterOptions> = {
          'no options': wrong(undefined),
          'options that are no object': wrong(5),
          'no address': wrong({}),
          'an empty address': {addr: ''},
          'an address that is not text': {addr: wrong(8080)},
          'an address that UTF-8 cannot encode': {addr: '\ud800'},
          'a function as metadata': {addr: one, metadata: () => 1},
          'a bigint in the metadata': {addr: one, metadata: {n: 1n}},
          'metadata in a circle': {addr: one, metadata: circular},
          'a Map as metadata': {addr: one, metadata: new Map([['zone', 'a']])},
          'a number in the metadata that JSON does not have': {addr: one, metadata: {n: NaN}},
          'undefined in the metadata': {addr: one, metadata: [undefined]},
          'an unknown option': wrong({addr: one, meta: 1}),
          'a value, which is not for the caller to choose': wrong({addr: one, value: 'v'}),
          'a TTL of 0': {addr: one, ttlSeconds: 0},
          'what is no lease': {addr: one, lease: wrong({id: '1'})},
          'a bad timeout': {addr: one, timeoutMs: -1},
          'what is no signal': {addr: one, signal: wrong({})},
        };
        const badTargets: [what: string, bad: string][] = [
          ['an empty name', ''],
          ['a slash', '/'],
          ['a slash at the end', 'a/'],
          ['a name that UTF-8 cannot encode', '\ud800'],
          ['a name that is not text', wrong(5)],
          ['no name', wrong(null)],
        ];
        const calls: [what: string, call: () => unknown][] = [
          ...Object.entries(badOptions).map(([what, options]): [string, () => unknown] => [
            what,
            () => register(kv, target, options),
          ]),
          ...badTargets.flatMap(([what, bad]): [string, () => unknown][] => [
            [`register, ${what}`, () => register(kv, bad, {addr: one})],
            [`discover, ${what}`, () => discover(kv, bad).next()],
          ]),
          ['what is no handle', () => register(wrong({}), target, {addr: one})],
          ['nothing to discover on', () => discover(wrong(undefined), target).next()],
          ['an unknown option of discover', () => discover(kv, target, wrong({prefix: 'x'})).next()],
          ['no signal for discover', () => discover(kv, target, {signal: wrong(5)}).next()],
        ];
        await assertRefused({kv, key, prefix}, Object.fromEntries(calls), 'it is refused', {
          'an address that is not text': /^addr must/,
          'register, a name that is not text': /^the target must/,
        });
      },
    },
    {
      name: 'an instance that stays as it was is the same object in the next state',
      async run({kv, key}) {
        await using instances = discover(kv, key('checkout'));
        await using _first = await register(kv, key('checkout'), {addr: one, metadata: {zone: 'a'}});
        const before = await untilAddrs(instances, [one], 'the first one is listed');
        await using _second = await register(kv, key('checkout'), {addr: two});
        const after = await untilAddrs(instances, [one, two], 'the second one is listed');
        assert.equal(after.get(one), before.get(one));
      },
    },
    {
      name: 'discover can be aborted at each of its calls',
      async run({kv, open, key}) {
        await using _entry = await register(kv, key('checkout'), {addr: one});
        await abortEverywhere(
          {open},
          async (own, signal) => {
            await using instances = discover(own, key('checkout'), {signal});
            await untilAddrs(instances, [one], 'it is listed');
            await using _second = await register(kv, key('checkout'), {addr: two});
            await untilAddrs(instances, [one, two], 'the second one is listed');
          },
          () => Promise.resolve(),
        );
      },
    },
    {
      name: 'a signal ends discover with KVI_ABORTED, and leaving ends it also while a state is awaited',
      async run({kv, key}) {
        const controller = new AbortController();
        const aborted = discover(kv, key('checkout'), {signal: controller.signal});
        await untilAddrs(aborted, [], 'an empty list is a state');
        const waiting = aborted.next();
        const reason = new Error('enough');
        controller.abort(reason);
        const error = await assertFails('KVI_ABORTED', () => waiting, 'the signal ends the wait');
        assert.equal(error.cause, reason, 'the error says why');
        assert.equal((await aborted.next()).done, true, 'after its error, the iteration is over');
        await assertFails(
          'KVI_ABORTED',
          () => discover(kv, key('checkout'), {signal: controller.signal}).next(),
          'a signal that had aborted before',
        );

        const left = discover(kv, key('checkout'));
        await untilAddrs(left, [], 'an empty list is a state');
        const pending = [left.next(), left.next()];
        // By the time a read is answered, they wait.
        await kv.get(key('k'));
        await left.return?.();
        for (const result of await soon(Promise.all(pending), 'waits end'))
          assert.equal(result.done, true, 'leaving is no error');
        await assert.rejects(async () => left.throw?.(reason), {message: 'enough'});
      },
    },
    {
      name: 'a consumer that is slow gets the last state in the end, and none twice or after a newer one',
      async run({kv, openKvi, key}) {
        await using slow = discover(await openKvi(), key('checkout'));
        await untilAddrs(slow, [], 'an empty list is a state');
        for (let i = 0; i < 20; i += 1) await kv.store(key('checkout/x'), goValue(`host:${String(i)}`));
        // How many are skipped depends on when the changes arrive; that they are, newest.test.ts proves.
        let last = -1;
        while (last < 19) {
          const [addr = ''] = (await nextState(slow, 'the last state comes')).keys();
          const seen = Number(addr.slice('host:'.length));
          assert.ok(seen > last, `${String(seen)} came after ${String(last)}`);
          last = seen;
        }
      },
    },
    {
      name: 'a write that changes nothing is no state',
      async run({kv, key}) {
        await kv.store(key('checkout/x'), goValue(one));
        await using instances = discover(kv, key('checkout'));
        await untilAddrs(instances, [one], 'it is listed');
        await kv.store(key('checkout/x'), goValue(one));
        await kv.store(key('checkout/x'), `${goValue(one)} `);
        await kv.store(key('checkout/y'), 'garbage');
        await kv.delete(key('checkout/y'));
        await kv.store(key('checkout/z'), goValue(two));
        const next = await nextState(instances, 'a change is a state');
        assert.deepEqual([...next.keys()].sort(), [one, two], 'what changed nothing was not told');
      },
    },
    {
      name: 'of two keys with one address the one written last counts, and the other again when it goes',
      async run({kv, key}) {
        const withMetadata = (metadata: number) => `{"Op":0,"Addr":"${one}","Metadata":${String(metadata)}}`;
        await kv.store(key('checkout/b'), withMetadata(1));
        await kv.store(key('checkout/a'), withMetadata(2));
        await using instances = discover(kv, key('checkout'));
        for (const [metadata, change] of [
          [2, () => kv.store(key('checkout/b'), withMetadata(3))],
          [3, () => kv.delete(key('checkout/b'))],
          [2, () => kv.delete(key('checkout/a'))],
        ] as const) {
          const state = await nextState(instances, 'each change is a state');
          assert.deepEqual(
            [...state.values()].map((instance) => instance.metadata),
            [metadata],
            'one is listed',
          );
          await change();
        }
        assert.equal((await nextState(instances, 'the last one goes')).size, 0, 'nobody is left');
      },
    },
    {
      name: 'it goes on with the present instances where changes were compacted away',
      async run({kv, driver, open, key}) {
        const {client, connection} = await breakableClient({open});
        await using _client = client;
        await kv.store(key('checkout/gone'), goValue('gone:1'));
        await kv.store(key('checkout/kept'), goValue('kept:1'));
        await using instances = discover(client, key('checkout'));
        await untilAddrs(instances, ['gone:1', 'kept:1'], 'they are listed');
        await missed({kv, driver, key}, connection, async () => {
          await kv.delete(key('checkout/gone'));
          await kv.store(key('checkout/came'), goValue('came:1'));
        });
        const state = await nextState(instances, 'what was missed is found');
        assert.deepEqual([...state.keys()].sort(), ['came:1', 'kept:1'], 'those that are there now');
        await kv.delete(key('checkout/kept'));
        await untilAddrs(instances, ['came:1'], 'and changes come as before');
      },
    },
    {
      name: 'an instance that goes between the read and the watch, and is compacted away, is not listed for ever',
      async run({kv, driver, open, key}) {
        await kv.store(key('checkout/gone'), goValue('gone:1'));
        const own = await open();
        let isCompacted = false;
        await using client = createKvi({
          ...own,
          async range(...args) {
            const answer = await own.range(...args);
            if (!isCompacted) {
              isCompacted = true;
              await kv.delete(key('checkout/gone'));
              await kv.store(key('other'), 'later');
              const {revision} = await kv.range(key('other'));
              await driver.compact({revision});
            }
            return answer;
          },
        });
        await using instances = discover(client, key('checkout'));
        await untilAddrs(instances, [], 'the one that has gone is gone');
      },
    },
    {
      name: 'it waits for a store that cannot be reached when it begins',
      async run({kv, open, key}) {
        await kv.store(key('checkout/x'), goValue(one));
        const own = await open();
        let failures = 0;
        await using client = createKvi({
          ...own,
          range(...args) {
            failures += 1;
            const code = failures % 2 === 0 ? 'KVI_TIMEOUT' : 'KVI_UNAVAILABLE';
            if (failures <= 3) return Promise.reject(new KviError(code, 'made to fail'));
            return own.range(...args);
          },
        });
        await using instances = discover(client, key('checkout'));
        await untilAddrs(instances, [one], 'it is found in the end');
      },
    },
    {
      name: 'it goes on with the present instances when it was too slow to follow all changes',
      async run({kv, open, key}) {
        const {driver, endWatch} = endingWatches(await open());
        await using client = createKvi(driver);
        await kv.store(key('checkout/x'), goValue(one));
        await using instances = discover(client, key('checkout'));
        await untilAddrs(instances, [one], 'the first is found');
        await endWatch(new KviError('KVI_SLOW_CONSUMER', 'made to fail'));
        await kv.store(key('checkout/y'), goValue(two));
        await untilAddrs(instances, [one, two], 'the second is found too');
      },
    },
    {
      name: 'it ends with any other error of a watch',
      async run({open, key}) {
        const {driver, endWatch} = endingWatches(await open());
        await using client = createKvi(driver);
        const instances = discover(client, key('checkout'));
        await untilAddrs(instances, [], 'there are none');
        await endWatch(new KviError('KVI_INTERNAL', 'made to fail'));
        await assertFails('KVI_INTERNAL', () => instances.next(), 'the reader is told');
      },
    },
    {
      name: 'it ends with any other error of the store',
      async run({open, key}) {
        const own = await open();
        await using client = createKvi({
          ...own,
          range: () => Promise.reject(new KviError('KVI_PERMISSION_DENIED', 'made to fail')),
        });
        const instances = discover(client, key('checkout'));
        await assertFails('KVI_PERMISSION_DENIED', () => instances.next(), 'the reader is told');
        assert.equal((await instances.next()).done, true, 'after its error, the iteration is over');
      },
    },
  ],
};
