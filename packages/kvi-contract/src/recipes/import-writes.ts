import assert from 'node:assert/strict';
import {setImmediate as nextTurn} from 'node:timers/promises';
import {createKvi} from 'kvi-core';
import {exportKeys, importKeys} from 'kvi-core/recipes';
import {abortOf, assertFails, contents, grantLease, keysOf, leaseOf, storeAll} from '../kvi/helpers.ts';
import {unreliable} from '../kvi/unknown-outcome.ts';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {abortEverywhere} from './abort-everywhere.ts';
import {exported, exportOf, recorded, revisionOf, storeMany} from './export-helpers.ts';

/** `count` entries, all with this value. */
function entries(count: number, value = 'v'): Record<string, string> {
  return Object.fromEntries(Array.from({length: count}, (_, i) => [`k${String(1000 + i)}`, value]));
}

/** How an import writes, while others do, and in trouble. */
export const writesOfImports: ContractGroup = {
  name: 'the writes of an import',
  cases: [
    {
      name: 'go in transactions as large as etcd takes',
      async run(context) {
        const {kv, key} = context;
        const {client, txns} = await recorded(context);
        const sizes = () => txns.splice(0).map(({success = []}) => success.length);
        await importKeys(client, exportOf(key('x/'), entries(300)));
        assert.deepEqual(sizes(), [128, 128, 44], 'by the number of operations');
        await importKeys(client, exportOf(key('x/'), {}), {deleteMissing: true});
        assert.deepEqual(sizes(), [128, 128, 44], 'of deletions too');
        await importKeys(client, exportOf(key('x/'), entries(8, 'v'.repeat(500 * 1024))));
        assert.deepEqual(sizes(), [3, 3, 2], 'and by their bytes');
        const mixed = {...entries(20, 'v'.repeat(80 * 1024)), l: 'v'.repeat(1500 * 1024)};
        await importKeys(client, exportOf(key('y/'), mixed));
        assert.deepEqual(sizes(), [19, 1, 1]);
        await importKeys(client, exportOf(key('y/'), mixed));
        assert.deepEqual(sizes(), [], 'none if there is nothing to write');
        await client.close();
        const resolving = await recorded(context, {onUnknownOutcome: 'resolve'});
        await importKeys(resolving.client, exportOf(key('z/'), entries(128)));
        assert.deepEqual(
          resolving.txns.map(({success = []}) => success.length),
          [128, 2],
          'one less where the outcome is found out by a key',
        );
        await resolving.client.close();
        assert.equal((await keysOf(kv, {prefix: key('z/')})).length, 128);
      },
    },
    {
      name: 'take any value that can be stored, and a larger one is refused by its line and key',
      async run({kv, key, prefix}) {
        const limit = 1.5 * 1024 * 1024;
        let size = limit - prefix.length - 1000;
        await kv.store(key('x/a'), 'v'.repeat(size));
        for (let step = 512; step >= 1; step /= 2) {
          await kv.store(key('x/a'), 'v'.repeat(size + step)).then(
            () => (size += step),
            () => undefined,
          );
        }
        await kv.store(key('x/b'), 'small');
        const lines = await exported(kv, {prefix: key('x/')});
        assert.equal((await importKeys(kv, lines, {prefix: key('y/')})).created, 2);
        assert.equal((await kv.get(key('y/a')))?.length, size);
        const large = exportOf(key('x/'), {...entries(1), large: 'v'.repeat(size + 2000)});
        const error = await assertFails(
          'KVI_INVALID_ARGUMENT',
          () => importKeys(kv, large),
          'it is too large',
        );
        assert.match(error.message, /^line 3, key "[^"]*x\/large": request too large: about \d+ bytes/);
        assert.equal(await kv.get(key('x/k1000')), undefined, 'nothing was written');
        await assertFails(
          'KVI_INVALID_ARGUMENT',
          () => importKeys(kv, lines, {prefix: key('y'.repeat(1000)), dryRun: true}),
          'a dry run tells',
        );
      },
    },
    {
      name: 'meet what others write meanwhile: the keys are read again, and counted as they are then',
      async run(context) {
        const {kv, driver, key, prefix} = context;
        const lease = await grantLease(driver);
        const {client, txns, beforeTxn} = await recorded(context);
        await storeAll(kv, {key}, ['x/b', 'x/c', 'x/d', 'x/e', 'x/m', 'x/n', 'x/o']);
        const told: string[] = [];
        beforeTxn.push(async () => {
          await storeAll(kv, {key}, ['x/a', 'x/b']);
          await kv.store(key('x/c'), 'leased', {lease});
          await kv.delete(key('x/d'));
          await kv.store(key('x/e'), 'new');
          await kv.store(key('x/m'), 'leased', {lease});
          await kv.delete(key('x/n'));
          await kv.store(key('x/o'), 'other');
        });
        const wanted = {a: 'X/A', b: 'new', c: 'new', d: 'new', e: 'new', f: 'new'};
        const result = await importKeys(client, exportOf(key('x/'), wanted), {
          deleteMissing: true,
          onChange: (change) => void told.push(`${change.type} ${change.key.slice(prefix.length)}`),
        });
        assert.deepEqual(result, {revision: 7, created: 2, changed: 1, unchanged: 2, deleted: 1, skipped: 2});
        assert.equal(txns.length, 2);
        assert.deepEqual(told, [
          ...['skipped x/c', 'skipped x/m'],
          ...['changed x/b', 'created x/d', 'created x/f', 'deleted x/o'],
        ]);
        assert.deepEqual(await contents(kv, {prefix}), [
          ...['x/a=X/A', 'x/b=new', 'x/c=leased', 'x/d=new', 'x/e=new', 'x/f=new', 'x/m=leased'],
        ]);
        assert.equal(await leaseOf(kv, key('x/c')), lease, 'a lock that was taken meanwhile is left');
        await client.close();
        await driver.leaseRevoke(lease);
      },
    },
    {
      name: 'fail with KVI_CONFLICT if others write each time, and nothing of the transaction is written',
      async run(context) {
        const {kv, key, prefix} = context;
        const {client, txns, beforeTxn} = await recorded(context);
        let writes = 0;
        for (let i = 0; i < 40; i += 1) beforeTxn.push(() => kv.store(key('x/a'), String((writes += 1))));
        const error = await assertFails(
          'KVI_CONFLICT',
          () => importKeys(client, exportOf(key('x/'), {a: 'new', b: 'new'})),
          'it gives up',
        );
        assert.match(
          error.message,
          /^gave up after 16 attempts: keys had changed each time \(keys written before: 0\)$/,
        );
        assert.equal(txns.length, 16);
        assert.deepEqual(await contents(kv, {prefix}), ['x/a=16']);
        await client.close();
      },
    },
    ...(['reply lost', 'request lost'] as const).map((fate) => ({
      name: `end with an unknown outcome, or find it out, and running it again mends it: ${fate}`,
      async run({kv, open, key, prefix}: CaseContext) {
        const connection = unreliable(await open());
        const client = createKvi(connection.driver);
        const lines = exportOf(key('x/'), entries(200));
        connection.willBe('answered', fate);
        const error = await assertFails(
          'KVI_UNKNOWN_OUTCOME',
          () => importKeys(client, lines),
          'it is unknown',
        );
        assert.match(error.message, / \(keys written before: 128\)$/);
        assert.equal(error.applied, undefined);
        const again = await importKeys(client, lines);
        assert.equal(again.unchanged, fate === 'reply lost' ? 200 : 128);
        assert.equal(again.created + again.unchanged, 200);
        await storeAll(kv, {key}, ['x/a', 'x/z']);
        await kv.delete(key('x/k1000'));
        connection.willBe(fate);
        const resolved = await importKeys(client, lines, {deleteMissing: true, onUnknownOutcome: 'resolve'});
        assert.deepEqual(resolved, {
          revision: 7,
          created: 1,
          changed: 0,
          unchanged: 199,
          deleted: 2,
          skipped: 0,
        });
        assert.equal((await keysOf(kv, {prefix})).length, 200);
        await client.close();
      },
    })),
    {
      name: 'leave, when aborted at any moment, a part that the next run completes',
      async run(context) {
        const {kv, key, prefix} = context;
        const lines = exportOf(key('x/'), entries(200));
        await abortEverywhere(
          context,
          (client, signal) => importKeys(client, lines, {signal, deleteMissing: true}),
          async (failed) => {
            const written = (await keysOf(kv, {prefix: key('x/k')})).length;
            assert.ok([0, 128, 200].includes(written), `${String(written)} keys`);
            assert.ok(failed || written === 200);
            const {created, unchanged} = await importKeys(kv, lines);
            assert.deepEqual([created, unchanged], [200 - written, written]);
            await kv.delete({prefix});
            await storeAll(kv, {key}, ['x/']);
          },
        );
      },
    },
    {
      name: 'an import whose lines never come ends with its signal and its handle, and lets go of the lines',
      async run({kv, openKvi, key, prefix}) {
        const handle = await openKvi();
        const controller = new AbortController();
        const over: string[] = [];
        const waiting: (() => void)[] = [];
        const stuck = (name: string) => {
          const first = exportOf(key('x/'), {a: 'v'}).slice(0, name === 'closed' ? 0 : 2);
          return {
            [Symbol.asyncIterator]: () => ({
              next(): Promise<IteratorResult<string, undefined>> {
                const value = first.shift();
                if (value !== undefined) return Promise.resolve({done: false, value});
                waiting.shift()?.();
                return new Promise(() => undefined);
              },
              return() {
                over.push(name);
                return new Promise<never>(() => undefined);
              },
            }),
          };
        };
        const reached = () => new Promise<void>((resolve) => waiting.push(resolve));
        let isThere = reached();
        const aborted = importKeys(kv, stuck('aborted'), {signal: controller.signal});
        await isThere;
        controller.abort(new Error('enough'));
        const error = await assertFails('KVI_ABORTED', () => aborted, 'its signal');
        assert.match(error.message, / \(keys written before: 0\)$/);
        assert.equal((error.cause as Error).message, 'enough');
        isThere = reached();
        const closed = importKeys(handle, stuck('closed'));
        await isThere;
        await handle.close();
        await assertFails('KVI_CLOSED', () => closed, 'its handle');
        assert.deepEqual(over, ['aborted', 'closed']);
        assert.deepEqual(await keysOf(kv, {prefix}), []);
        const other = new AbortController();
        await storeAll(kv, {key}, ['x/b', 'x/c']);
        const slow = importKeys(kv, exportOf(key('x/'), {a: 'v', b: 'v'}), {
          signal: other.signal,
          deleteMissing: true,
          onChange: () => new Promise(() => other.abort()),
        });
        const late = await assertFails('KVI_ABORTED', () => slow, 'also while onChange runs');
        assert.match(late.message, / \(keys written before: 3\)$/, 'it tells what was written');
        await abortOf(other.signal, 'it was aborted');
      },
    },
    {
      name: 'an import ends with what its lines throw, and ends lines that it does not read to their end',
      async run(context) {
        const {kv, key} = context;
        const failure = new Error('no disk');
        const lines = exportOf(key('x/'), entries(200));
        const broken = (async function* () {
          yield* lines.slice(0, 150);
          await Promise.reject(failure);
        })();
        await assert.rejects(importKeys(kv, broken), (error) => error === failure);
        const {client, beforeTxn} = await recorded(context);
        let hasEnded = false;
        const source = (async function* () {
          try {
            for (const line of lines) yield await Promise.resolve(line);
          } finally {
            await nextTurn();
            hasEnded = true;
          }
        })();
        beforeTxn.push(() => Promise.reject(failure));
        await assert.rejects(importKeys(client, source, {prefix: key('y/')}), (error) => error === failure);
        assert.equal(hasEnded, true, 'it waits for that');
        const bad = {
          [Symbol.iterator]: () => ({
            next: () => ({done: false as const, value: 'no JSON'}),
            return() {
              throw failure;
            },
          }),
        };
        await assertFails('KVI_INVALID_ARGUMENT', () => importKeys(kv, bad), 'its own reason counts');
        const revision = (await revisionOf(kv)) + 1000;
        const from = exportKeys(kv, {prefix: key('x/')}, {revision});
        await assertFails(
          'KVI_FUTURE_REVISION',
          () => importKeys(kv, from, {prefix: key('z/')}),
          'of an export too',
        );
        await client.close();
      },
    },
    {
      name: 'the signal and the timeout of an import hold for each of its requests',
      async run(context) {
        const {key} = context;
        const {client, calls} = await recorded(context);
        const {signal} = new AbortController();
        await importKeys(client, exportOf(key('x/'), {a: 'v'}), {timeoutMs: 60_000, signal});
        assert.equal(calls.length, 2, 'it reads and writes');
        for (const options of calls) {
          assert.ok((options?.timeoutMs ?? 0) > 50_000);
          assert.equal(options?.signal?.aborted, false);
        }
        await client.close();
      },
    },
    {
      name: 'an import holds no more lines than it has to: a page of the store and a transaction',
      async run(context) {
        const {kv, key} = context;
        await storeMany(kv, key('from/'), 3000);
        const revision = await revisionOf(kv);
        const {client, pages} = await recorded(context);
        let told = 0;
        let taken = 0;
        const counted = (async function* () {
          for await (const line of exportKeys(client, {prefix: key('from/')}, {revision})) {
            taken += 1;
            assert.ok(taken - told <= 128 + 2, 'it takes lines as it writes them');
            yield line;
          }
        })();
        const result = await importKeys(kv, counted, {prefix: key('to/'), onChange: () => void (told += 1)});
        assert.deepEqual([result.created, told], [3000, 3000]);
        assert.ok(pages.every(({kvs}) => kvs.length <= 512));
      },
    },
  ],
};
