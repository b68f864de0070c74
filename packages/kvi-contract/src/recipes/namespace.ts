import assert from 'node:assert/strict';
import {createKvi, type Keys, type Kvi} from 'kvi-core';
import {type Driver, isKviError, KviError, randomLeaseId} from 'kvi-core/driver';
import {json, namespace, typed} from 'kvi-core/recipes';
import {
  abortOf,
  assertFails,
  changesFrom,
  describeChanges,
  keysOf,
  put,
  takeChanges,
} from '../kvi/helpers.ts';
import type {CaseContext, ContractGroup} from '../suite.ts';

/** A namespace of the case's handle, and what lies around it. */
async function surrounded({
  kv,
  key,
  prefix,
}: CaseContext): Promise<{part: Kvi; outside: () => Promise<string[]>}> {
  const around = ['n', 'n-', 'n/', 'n0'];
  for (const name of around) await kv.store(key(name), 'outside');
  return {
    part: namespace(kv, key('n/')),
    async outside() {
      const names = await keysOf(kv, {prefix});
      return names.filter((name) => name === 'n/' || !name.startsWith('n/'));
    },
  };
}

/** A namespace in which the case starts anew. */
export const namespaces: ContractGroup = {
  name: 'a namespace',
  cases: [
    {
      name: 'sees only the keys after its prefix, without it, and changes no others, wherever its ranges end',
      async run(context) {
        const {kv, key} = context;
        const {part, outside} = await surrounded(context);
        const before = await outside();
        for (const name of ['a', 'b', 'c']) await part.store(name, name.toUpperCase());
        assert.equal(await kv.get(key('n/a')), 'A', 'its keys are those of the whole with the prefix');
        for (const keys of [
          {prefix: ''},
          {start: '\0', end: '\0'},
          {start: 'a', end: '\0'},
          {start: 'a', end: 'd'},
        ]) {
          assert.deepEqual(await keysOfRange(part, keys), ['a', 'b', 'c'], JSON.stringify(keys));
        }
        assert.equal((await part.range({start: '\0', end: '\0'}, {countOnly: true})).count, 3);
        assert.deepEqual(await keysOfRange(part, {start: 'b', end: 'b'}), [], 'an empty range is empty');
        assert.equal(await part.get('\0'), undefined, 'the key that equals the prefix is outside');
        assert.equal(await part.delete({start: 'b', end: '\0'}), true);
        assert.deepEqual(await keysOfRange(part, {prefix: ''}), ['a']);
        assert.deepEqual(await outside(), before, 'what is outside stays');
      },
    },
    {
      name: 'stays inside behind a prefix of ff bytes too, after which no key comes',
      async run({kv, key}) {
        const within = namespace(kv.bytes, key('n/'));
        const part = namespace(within, Uint8Array.of(0xff));
        await within.store(Uint8Array.of(0xfe, 0x61), 'outside');
        await part.store('a', 'A');
        const kvs = await part.getRange({start: '\0', end: '\0'});
        assert.deepEqual(
          kvs.map((found) => found.key),
          [new Uint8Array(Buffer.from('a'))],
        );
        const changes = part.changes({start: '\0', end: '\0'});
        await changes.created;
        await within.store(Uint8Array.of(0xfe), 'outside');
        await part.store('b', 'B');
        const {value} = await changes.next();
        assert.deepEqual(
          value?.events.map((event) => Buffer.from(event.key).toString()),
          ['b'],
        );
        await changes.return?.();
      },
    },
    {
      name: 'strips its prefix from every answer and event, and adds it to every request',
      async run({kv, key}) {
        const part = namespace(kv, key('n/'));
        await kv.store(key('n/a'), '1');
        const changes = await changesFrom(part, {prefix: ''}, {prevKv: true});
        const lease = await part.lease();
        const nested = {
          compare: [{key: 'a', target: 'value', result: '=', value: '1'}] as const,
          success: [{type: 'deleteRange', key: 'a', rangeEnd: '\0', prevKv: true}] as const,
        };
        const response = await part.txn({
          compare: [{key: 'a', rangeEnd: '\0', target: 'version', result: '>', version: 0}],
          success: [
            {type: 'range', key: 'a'},
            {type: 'put', key: 'z', value: '2', lease: lease.id},
            {
              type: 'txn',
              compare: nested.compare,
              success: [{type: 'put', key: 'y', value: '3', prevKv: true}],
            },
          ],
        });
        assert.equal(response.succeeded, true, 'a compare of a range stays inside');
        const [range, , inner] = response.responses;
        assert.equal(range?.type === 'range' && range.kvs[0]?.key, 'a');
        assert.equal(inner?.type === 'txn' && inner.succeeded, true, 'nested transactions are inside');
        await kv.store(key('n/'), 'outside', {lease: lease.id});
        const {keys} = await lease.timeToLive({keys: true});
        assert.deepEqual(keys, ['z'], 'of the keys of a lease it sees its own');
        const deleted = await part.txn({success: nested.success});
        const [deletion] = deleted.responses;
        assert.deepEqual(deletion?.type === 'deleteRange' && deletion.prevKvs.map((found) => found.key), [
          'a',
          'y',
          'z',
        ]);
        const events = await takeChanges(changes, 5, 'its events are delivered');
        assert.deepEqual(
          describeChanges(events, ''),
          ['put z=2', 'put y=3', 'delete a=undefined', 'delete y=undefined', 'delete z=undefined'].map(
            (line) => line.replace('=undefined', ''),
          ),
        );
        assert.deepEqual(
          events.slice(2).map(({prevKv}) => prevKv?.key),
          ['a', 'y', 'z'],
        );
        await lease.revoke();
      },
    },
    {
      name: 'nests, and returns text or bytes as the handle that it is of',
      async run({kv, key}) {
        const inner = namespace(namespace(kv, key('n/')), 'm/');
        await inner.store('a', 'A');
        assert.equal(await kv.get(key('n/m/a')), 'A');
        assert.deepEqual(await inner.bytes.get('a'), new Uint8Array(Buffer.from('A')));
        assert.deepEqual(await namespace(kv.bytes, key('n/m/')).get('a'), new Uint8Array(Buffer.from('A')));
        assert.equal(await namespace({...kv}, key('n/m/')).get('a'), 'A', 'a copy of a handle is one');
      },
    },
    {
      name: 'shares its locks with the whole: one name, one holder, also within one handle',
      async run({kv, openKvi, key}) {
        const part = namespace(kv, key('n/'));
        const other = namespace(await openKvi(), key('n/'));
        const lock = await part.distLock('l');
        assert.equal(lock.name, 'l');
        assert.ok((await kv.get(key(`n/${lock.key}`))) !== undefined, 'its key is inside');
        const error = await assertFails(
          'KVI_TIMEOUT',
          () => kv.distTimedLock(0, key('n/l')),
          'it is one lock',
        );
        assert.match(error.message, /this handle holds it/, 'and the handle knows');
        await assertFails('KVI_TIMEOUT', () => other.distTimedLock(0, 'l'), 'for others as well');
        assert.equal((await lock.guard({success: [put('guarded')]})).succeeded, true, 'it guards its own');
        await kv.distUnlock(key('n/l'));
        assert.equal(lock.isHeld(), false, 'it can be released by its whole name');
        const again = await kv.distTimedLock(0, key('n/l'));
        await assertFails('KVI_TIMEOUT', () => part.distTimedLock(0, 'l'), 'the other way round too');
        await again.release();
      },
    },
    {
      name: 'shares its temporary keys with the whole, until both have closed them',
      async run({kv, key}) {
        const part = namespace(kv, key('n/'));
        const lease = await kv.lease();
        const [inside, outside] = [await part.tempKey('t', {value: 'v'}), await kv.tempKey(key('n/t'))];
        const lent = await part.tempKey('lent', {lease});
        assert.equal(await kv.get(key('n/t')), 'v');
        await part.close();
        assert.ok(
          isKviError(inside.signal.reason, 'KVI_CLOSED'),
          'closing the namespace closes what it opened',
        );
        assert.ok(isKviError(lent.signal.reason, 'KVI_CLOSED'));
        assert.equal(await kv.get(key('n/lent')), undefined);
        assert.equal(lease.isAlive(), true, "the whole's lease lives on");
        assert.equal(outside.signal.aborted, false, 'and what the whole keeps');
        assert.equal(await kv.get(key('n/t')), 'v');
        await outside.close();
        assert.equal(await kv.get(key('n/t')), undefined);
        await lease.revoke();
      },
    },
    {
      name: 'closes what was opened through it, and nothing else',
      async run({kv, key, prefix}) {
        const part = namespace(kv, key('n/'));
        const inner = namespace(part, 'm/');
        const changes = await changesFrom(part, 'k');
        const waiting = assertFails('KVI_CLOSED', () => part.watch('unchanged'), 'its calls end');
        const lease = await part.lease();
        await part.store('k', 'v', {lease: lease.id});
        const locks = [await part.distLock('l'), await inner.distLock('l')];
        const own = await kv.distLock(key('l'));
        await changes.next();
        await part.close();
        await part.close();
        await waiting;
        for (const {signal} of locks) assert.ok(isKviError(signal.reason, 'KVI_CLOSED'));
        await assertFails('KVI_CLOSED', () => changes.next(), 'its watches end');
        for (const call of [() => part.get('k'), () => inner.get('k'), () => namespace(part, 'x')]) {
          await assertFails('KVI_CLOSED', call, 'it takes no calls');
        }
        assert.equal(own.isHeld(), true);
        await own.release();
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'its leases are revoked');
      },
    },
    {
      name: 'closes with the handle that it is of',
      async run({openKvi, kv, key, prefix}) {
        const whole = await openKvi();
        const part = namespace(namespace(whole, key('n/')), 'm/');
        const lock = await part.distLock('l');
        const temp = await part.tempKey('t');
        const waiting = assertFails('KVI_CLOSED', () => part.watch('k'), 'its calls end');
        await whole.close();
        await waiting;
        assert.ok(isKviError(lock.signal.reason, 'KVI_CLOSED'));
        await abortOf(temp.signal, 'its temporary keys are given up');
        await assertFails('KVI_CLOSED', () => part.get('k'), 'it takes no calls');
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'nothing is left');
      },
    },
    {
      name: 'has its writes wait for the watches of the whole, and the other way round',
      async run({kv, key}) {
        const part = namespace(kv, key('n/'));
        for (const [watched, written] of [
          [() => kv.watch(key('n/k')), () => part.store('k', 'v')],
          [() => part.watch('k'), () => kv.store(key('n/k'), 'w')],
        ] as const) {
          const change = watched();
          await written();
          assert.equal((await change).type, 'put');
        }
      },
    },
    {
      name: 'finds out the outcomes of its writes by keys of its own',
      async run({open, kv, key, prefix}) {
        const driver = await open();
        let isCut = false;
        const cut: Driver = {
          ...driver,
          async txn(...args) {
            const response = await driver.txn(...args);
            if (!isCut) return response;
            isCut = false;
            throw new KviError('KVI_UNKNOWN_OUTCOME', 'made to fail: the answer was lost');
          },
        };
        await using whole = createKvi(cut, {onUnknownOutcome: 'resolve'});
        const part = namespace(whole, key('n/'));
        await part.store('a', 'A');
        isCut = true;
        assert.equal(await part.tas('a', 'A', 'B'), true, 'it was applied');
        const names = await keysOf(kv, {prefix});
        assert.ok(
          names.every((name) => name.startsWith('n/')) &&
            names.some((name) => name.startsWith('n/kvi/outcome/')),
        );
        const entries = await typed(part, json()).getRange({prefix: 'kvi/outcome/'});
        assert.ok(
          entries.every(({error}) => isKviError(error, 'KVI_INVALID_VALUE')),
          'a view of the whole namespace takes none of them for a value',
        );
      },
    },
    {
      name: 'counts its prefix in the size of a request',
      async run({openKvi, key}) {
        const maxRequestBytes = 4_000;
        const whole = await openKvi({maxRequestBytes});
        const long = 'x'.repeat(1_000);
        const part = namespace(whole, key(long));
        await part.store('k', 'v'.repeat(2_500));
        for (const call of [
          () => part.store('k', 'v'.repeat(3_500)),
          () => part.tempKey('k', {value: 'v'.repeat(3_500)}),
          () => part.getRange({start: 'a', end: 'z'.repeat(2_000)}),
          () => part.distLock('l'.repeat(2_500)),
        ]) {
          const error = await assertFails('KVI_INVALID_ARGUMENT', call, 'it would be too large');
          assert.match(error.message, /too large/);
        }
      },
    },
    {
      name: 'has no leases of its own: it lists and revokes those of the store',
      async run({kv, key}) {
        const part = namespace(kv, key('n/'));
        const id = randomLeaseId();
        await using lease = await kv.lease({id});
        assert.ok((await part.leases()).includes(id));
        await (await part.attachLease(id)).revoke();
        await assertFails('KVI_LEASE_NOT_FOUND', () => lease.timeToLive(), 'it is gone');
      },
    },
    {
      name: 'is refused for an empty prefix, for what is no text, and of what is no handle',
      async run({kv, openKvi}) {
        const closed = await openKvi();
        await closed.close();
        await assertFails('KVI_CLOSED', () => namespace(closed, 'n/'), 'a closed handle has no parts');
        await assertFails('KVI_INVALID_ARGUMENT', () => namespace(kv, ''), 'an empty prefix is the whole');
        for (const prefix of [undefined, 1, '\ud800'] as string[]) {
          const refused = () => namespace(kv, prefix);
          const error = await assertFails('KVI_INVALID_ARGUMENT', refused, 'a prefix is text or bytes');
          assert.match(error.message, /^prefix /);
        }
        for (const other of [undefined, null, {}, 'kv', {get: () => undefined}] as unknown as Kvi[]) {
          const refused = () => namespace(other, 'n/');
          const error = await assertFails('KVI_INVALID_ARGUMENT', refused, 'it is no handle');
          assert.match(error.message, /kv must be a handle/);
        }
      },
    },
  ],
};

async function keysOfRange(kv: Kvi, keys: Keys): Promise<string[]> {
  return (await kv.getRange(keys)).map(({key}) => key);
}
