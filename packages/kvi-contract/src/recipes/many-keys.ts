import assert from 'node:assert/strict';
import {Readable} from 'node:stream';
import type {Bytes, RangeRequest} from 'kvi-core/driver';
import {importKeys} from 'kvi-core/recipes';
import type {ContractGroup} from '../suite.ts';
import {exported, exportOf, recorded, storeMany} from './export-helpers.ts';

/** More than are read in pages of the whole range. */
const many = 6_000;

/** How many keys etcd goes through to answer the reads, for each of these keys: for a page, it goes through all that its range has. */
function walked(ranges: readonly RangeRequest<Bytes>[], names: readonly string[]): number {
  const keys = names.map((name) => Buffer.from(name));
  const firstNotBefore = (key: Bytes) => {
    const at = keys.findIndex((each) => Buffer.compare(each, key) >= 0);
    return at === -1 ? keys.length : at;
  };
  const visited = ranges.map(({key, rangeEnd = key}) => firstNotBefore(rangeEnd) - firstNotBefore(key));
  return visited.reduce((sum, each) => sum + Math.max(0, each), 0) / names.length;
}

/** The largest pages of the reads. */
function largestPage(ranges: readonly RangeRequest<Bytes>[]): number {
  return Math.max(...ranges.map(({limit}) => limit ?? 0));
}

/** Ranges that are read part by part. */
export const rangesOfManyKeys: ContractGroup = {
  name: 'a range of many keys',
  cases: [
    {
      name: 'is exported in parts, each key once, and etcd passes each a few times',
      async run(context) {
        const {kv, key} = context;
        // More than are listed at once.
        const names = await storeMany(kv, key('m/'), 20_600);
        const {client, ranges} = await recorded(context);
        const lines = await exported(client, {prefix: key('m/')});
        assert.deepEqual(
          lines.slice(1, -1).map((line) => (JSON.parse(line) as {key: string}).key),
          names,
        );
        assert.ok(largestPage(ranges) <= 512, 'no page is larger than 512 keys');
        assert.ok(ranges.length < 60, `most pages are full: ${String(ranges.length)} reads`);
        assert.ok(walked(ranges, names) < 8, `each key is passed ${String(walked(ranges, names))} times`);
      },
    },
    {
      name: 'is compared with an import in parts, also where keys come and go meanwhile',
      async run(context) {
        const {kv, key} = context;
        const names = await storeMany(kv, key('m/'), many);
        const {client, ranges} = await recorded(context);
        const entries = Object.fromEntries(names.map((name) => [name.slice(key('m/').length), 'v']));
        const lines = exportOf(key('m/'), entries);
        const counts = await importKeys(client, Readable.from(lines), {deleteMissing: true});
        assert.equal(counts.unchanged, many);
        assert.ok(walked(ranges, names) < 8, `each key is passed ${String(walked(ranges, names))} times`);
        ranges.splice(0);
        // All keys of a part, and some of the next.
        const [start, end] = [names[1_000], names[2_500]];
        assert.ok(start !== undefined && end !== undefined);
        async function* meanwhile() {
          for (const [at, line] of lines.entries()) {
            if (at === 500) await kv.deleteRange({start: start ?? '', end});
            yield line;
          }
        }
        const {unchanged, created} = await importKeys(client, meanwhile());
        assert.equal(unchanged + created, many);
        assert.ok(created >= 1_000, `${String(created)} are put back`);
        assert.equal((await kv.range({prefix: key('m/')}, {countOnly: true})).count, many);
        assert.ok(walked(ranges, names) < 8, `each key is passed ${String(walked(ranges, names))} times`);
      },
    },
    {
      name: 'is compared with an import that leaps over parts',
      async run(context) {
        const {kv, key} = context;
        const names = await storeMany(kv, key('m/'), many);
        const wanted = [...names.slice(0, 200), ...names.slice(3_000, 3_010), ...names.slice(-1)];
        const entries = Object.fromEntries(wanted.map((name) => [name.slice(key('m/').length), 'v']));
        const {client, ranges} = await recorded(context);
        const {unchanged} = await importKeys(client, Readable.from(exportOf(key('m/'), entries)));
        assert.equal(unchanged, wanted.length);
        const backwards = ranges.filter(
          (range) => Buffer.compare(range.key, range.rangeEnd ?? range.key) > 0,
        );
        assert.deepEqual(backwards, []);
      },
    },
  ],
};
