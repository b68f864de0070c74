import assert from 'node:assert/strict';
import {Readable} from 'node:stream';
import {prefixEnd} from 'kvi-core';
import type {Bytes, RangeRequest} from 'kvi-core/driver';
import {importKeys} from 'kvi-core/recipes';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {exported, exportOf, recorded, storeMany} from './export-helpers.ts';

/** More than are read in pages of the whole range. */
const many = 6_000;

/** How many of the reads go to the end of the case's range: etcd goes through all that is left for each of them. */
function wholeReads(ranges: readonly RangeRequest<Bytes>[], {key}: Pick<CaseContext, 'key'>): number {
  const end = prefixEnd(Buffer.from(key('m/')));
  return ranges.filter(({rangeEnd}) => rangeEnd !== undefined && Buffer.compare(rangeEnd, end) === 0).length;
}

/** Ranges that are read part by part. */
export const rangesOfManyKeys: ContractGroup = {
  name: 'a range of many keys',
  cases: [
    {
      name: 'is exported in parts, each key once, and not listed more often than it needs',
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
        // The count, the first page, two lists of keys, and the rest behind the last part.
        assert.equal(wholeReads(ranges, context), 5);
        const limits = ranges.filter(({keysOnly}) => keysOnly !== true).map(({limit}) => limit ?? 0);
        assert.ok(Math.max(...limits) <= 512, 'no page is larger than 512 keys');
        assert.ok(ranges.length < 20_600 / 512 + 12, `a part is a page: ${String(ranges.length)} reads`);
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
        assert.equal(wholeReads(ranges, context) <= 4, true);
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
        assert.ok(wholeReads(ranges, context) <= 5, 'it is not listed anew for each page');
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
