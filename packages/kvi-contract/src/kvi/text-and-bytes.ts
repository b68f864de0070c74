import assert from 'node:assert/strict';
import {runInNewContext} from 'node:vm';
import {createKvi, type KviError} from 'kvi-core';
import {show} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {assertFails, changesFrom, soon, takeSet} from './helpers.ts';

const notText = Buffer.from([0x66, 0xff, 0xfe]);
const everyByte = Buffer.from(Array.from({length: 256}, (_, byte) => byte));

/** Text as UTF-8, and arbitrary bytes. */
export const textAndBytes: ContractGroup = {
  name: 'text and bytes',
  cases: [
    {
      name: 'any text is returned as it was stored',
      async run({kv, key}) {
        for (const text of [
          '',
          ' ',
          'é',
          '日本',
          '😀',
          '\0',
          'a\0b',
          '\ufeffbom',
          '\r\n',
          'x'.repeat(100_000),
        ]) {
          await kv.store(key(text.slice(0, 10)), text);
          assert.equal(
            await kv.get(key(text.slice(0, 10))),
            text,
            'text round-trips as a value, and in a key',
          );
        }
      },
    },
    {
      name: 'any bytes are returned as they were stored, in values and in keys',
      async run({kv, prefix}) {
        const key = Buffer.concat([Buffer.from(prefix), everyByte]);
        await kv.store(key, everyByte);
        assert.deepEqual(
          Buffer.from((await kv.bytes.get(key)) ?? []),
          everyByte,
          'bytes round-trip as a value',
        );
        const [found] = await kv.bytes.getRange({prefix});
        assert.deepEqual(Buffer.from(found?.key ?? []), key, 'bytes round-trip as a key');
      },
    },
    {
      name: 'bytes of another realm, such as jsdom or node:vm, are bytes',
      async run({kv, prefix}) {
        const [start, end, value] = runInNewContext('texts.map((text) => Uint8Array.from(text))', {
          texts: [`${prefix}a`, `${prefix}b`, 'v'].map((text) => Buffer.from(text)),
        }) as [Uint8Array, Uint8Array, Uint8Array];
        await kv.store(start, value);
        assert.equal(await kv.get(start), 'v', 'they are a key and a value');
        assert.equal((await kv.getRange(start, end)).length, 1, 'they are both ends of a range');
        assert.equal((await kv.getRange({prefix: start})).length, 1, 'they are a prefix');
        assert.equal(await kv.tas(start, value, 'w'), true, 'they can be compared');
      },
    },
    {
      name: 'if what an applied write read is not text, the error says that the write was applied',
      async run({kv, key}) {
        const binary = Buffer.of(0xff);
        const put = {type: 'put', key: key('a'), value: 'new', prevKv: true} as const;
        await kv.store(key('a'), binary);
        await kv.store(key('b'), binary);
        const writes: [string, () => Promise<unknown>][] = [
          ['the prevKv of a put', () => kv.txn({success: [put]})],
          [
            'a range beside a put',
            () =>
              kv.txn({
                success: [
                  {...put, prevKv: false},
                  {type: 'range', key: key('b')},
                ],
              }),
          ],
          ['what is nested', () => kv.txn({success: [{type: 'txn', success: [{...put, key: key('b')}]}]})],
          ['the prevKvs of deleteRange', () => kv.deleteRange(key('c'), {prevKv: true})],
        ];
        await kv.store(key('c'), binary);
        for (const [what, write] of writes) {
          const error = await assertFails('KVI_UNKNOWN_OUTCOME', write, `${what} is not text`);
          assert.equal(error.applied, true, `${what}: the write was applied`);
          assert.equal((error.cause as KviError).code, 'KVI_NOT_TEXT', `${what}: the cause says why`);
          await kv.store(key('a'), binary);
          await kv.store(key('b'), binary);
        }
        const read = {success: [{type: 'range', key: key('a')}]} as const;
        await assertFails('KVI_NOT_TEXT', () => kv.txn(read), 'nothing was written');
        assert.equal(await kv.get(key('c')), undefined, 'the deletion was applied');
      },
    },
    {
      name: 'a text and its UTF-8 bytes are the same key and the same value',
      async run({kv, key}) {
        await kv.store(key('é'), 'ü');
        const value = await kv.bytes.get(Buffer.from(key('é')));
        assert.deepEqual(Buffer.from(value ?? []), Buffer.from('ü'), 'text is UTF-8');
        await kv.bytes.store(Buffer.from(key('b')), Buffer.from('日本'));
        assert.equal(await kv.get(key('b')), '日本', 'UTF-8 is text');
        assert.equal(kv.bytes.bytes, kv.bytes, 'kv.bytes is one view of the handle');
      },
    },
    {
      name: 'invalid UTF-8 fails with KVI_NOT_TEXT when read as text, but not through kv.bytes',
      async run({kv, key, prefix}) {
        const keyNotText = Buffer.concat([Buffer.from(prefix), notText]);
        await kv.store(key('v'), notText);
        await assertFails(
          'KVI_NOT_TEXT',
          () => kv.get(key('v')),
          'a value that is not text is not shown as text',
        );
        await kv.store(keyNotText, 'fine');
        assert.equal(await kv.get(keyNotText), 'fine', 'a key that is not text can hold text');
        await kv.delete(key('v'));
        await assertFails(
          'KVI_NOT_TEXT',
          () => kv.getRange({prefix}),
          'a key that is not text is not shown as text',
        );
        const [found] = await kv.bytes.getRange({prefix});
        assert.deepEqual(Buffer.from(found?.key ?? []), keyNotText, 'kv.bytes gives a key that is not text');
      },
    },
    {
      name: 'changes with invalid UTF-8 end a text watch with KVI_NOT_TEXT, but are delivered through kv.bytes',
      async run({kv, key}) {
        await using texts = await changesFrom(kv, key('k'));
        await using bytes = kv.bytes.changes(key('k'));
        await bytes.created;
        await kv.store(key('k'), notText);
        await assertFails(
          'KVI_NOT_TEXT',
          () => texts.next(),
          'a change that is not text is not shown as text',
        );
        assert.equal(
          (await soon(texts.next(), 'what has failed is over')).done,
          true,
          'it ends with its error',
        );
        const {value} = await bytes.next();
        assert.deepEqual(
          Buffer.from(value?.events[0]?.value ?? []),
          notText,
          'kv.bytes gives changes as bytes',
        );
      },
    },
    {
      name: 'bytes passed to a call may be changed afterwards',
      async run({kv, open, key, prefix}) {
        const driver = await open();
        const client = createKvi({
          ...driver,
          async txn(...args) {
            // Sent only after its caller has continued.
            await Promise.resolve();
            return driver.txn(...args);
          },
        });
        const keyBytes = Buffer.from(key('k'));
        const value = Buffer.from('before');
        const stored = client.store(keyBytes, value);
        keyBytes.fill(0x7a);
        value.fill(0x7a);
        await stored;
        value.fill(0x79);
        assert.equal(await kv.get(key('k')), 'before', 'what was stored is not the memory of the caller');
        assert.equal((await kv.getRange({prefix})).length, 1, 'the key is not the memory of the caller');
      },
    },
    {
      name: 'bytes that a call returned may be changed',
      async run({kv, key}) {
        await kv.store(key('k'), 'before');
        await using changes = kv.bytes.changes(key('k'), {prevKv: true});
        await changes.created;
        const watched = kv.bytes.watch(key('k'));
        await kv.store(key('k'), 'after');

        (await kv.bytes.get(key('k')))?.fill(0);
        const [found] = await kv.bytes.getRange(key('k'));
        found?.key.fill(0);
        found?.value.fill(0);
        (await watched).key.fill(0);
        const {value: set} = await changes.next();
        for (const {key: changed, value, prevKv} of set?.events ?? []) {
          for (const bytes of [changed, value, prevKv?.key, prevKv?.value]) bytes?.fill(0);
        }
        const {kvs} = await kv.range(key('k'));
        assert.deepEqual(
          kvs.map(({value}) => value),
          ['after'],
          'what a call returns is not the memory of the store',
        );
        await using past = await changesFrom(kv, key('k'), {startRevision: found?.createRevision});
        assert.equal(
          (await takeSet(past, 'history is there')).events[0]?.value,
          'before',
          'nor that of its history',
        );
      },
    },
    {
      name: 'KVI_NOT_TEXT tells the key, and whether the key or its value is not text',
      async run({kv, key, prefix}) {
        const binary = Buffer.from([...Buffer.from(key('b')), 0xff]);
        const since = (await kv.range({prefix})).revision + 1;
        await kv.store(key('v'), Buffer.from([0xff]));
        const byValue = await assertFails('KVI_NOT_TEXT', () => kv.get(key('v')), 'a value is no text');
        const shown = show(Buffer.from(key('v')));
        assert.ok(byValue.message.startsWith(`the value of ${shown}`), byValue.message);
        await kv.delete(key('v'));

        await kv.store(binary, 'text');
        const byKey = await assertFails('KVI_NOT_TEXT', () => kv.getRange({prefix}), 'a key is no text');
        const failures: unknown[] = [byKey];
        const onError = (error: unknown) => failures.push(error);
        const handle = await kv.watchWithCB(binary, 'put', () => undefined, undefined, {onError});
        await kv.store(binary, 'again');
        await soon(handle.ended, 'the watch ends');
        await kv.delete(binary);
        await using deletions = kv.changes({prefix: binary}, {startRevision: since, filters: ['noput']});
        failures.push(await assertFails('KVI_NOT_TEXT', () => deletions.next(), 'a key is no text'));
        assert.equal(failures.length, 3, 'each of them fails');
        for (const failure of failures) {
          const {message} = failure as Error;
          assert.ok(message.startsWith(`the key ${show(binary)}`), message);
        }
      },
    },
    {
      name: 'bytes that a call returned belong to the caller, even if a driver returns the same memory twice',
      async run({kv, open, key}) {
        await kv.store(key('k'), 'before');
        const driver = await open();
        const response = await driver.range({key: Buffer.from(key('k'))});
        const client = createKvi({...driver, range: () => Promise.resolve(response)});
        (await client.bytes.get(key('k')))?.fill(0);
        assert.equal(
          await client.get(key('k')),
          'before',
          'what a call returns is not the memory of the driver',
        );
      },
    },
    {
      name: 'keys are ordered by their bytes, not by UTF-16 units as in JavaScript',
      async run({kv, key, prefix}) {
        const names = ['\u{1f600}', '\uff61', 'z', 'é', 'Z', '\ud7ff', '\ue000'];
        for (const name of names) await kv.store(key(name), name);
        const kvs = await kv.getRange({prefix});
        assert.deepEqual(
          kvs.map(({value}) => value),
          ['Z', 'z', 'é', '\ud7ff', '\ue000', '\uff61', '\u{1f600}'],
          'keys come in the order of their UTF-8 bytes',
        );
        const between = await kv.getRange(key('\uff61'), key('\u{1f600}'));
        assert.deepEqual(
          between.map(({value}) => value),
          ['\uff61'],
          'a range has the keys between two others in byte order',
        );
      },
    },
  ],
};
