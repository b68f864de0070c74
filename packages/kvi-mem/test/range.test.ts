import {describe, expect, it, jest} from '@jest/globals';
import fc from 'fast-check';
import {MemStore} from 'kvi-mem';
import {bytes, put, text} from './tools.ts';

const all = {key: bytes('\0'), rangeEnd: bytes('\0')};

/** A store whose keys are as many as the values, `k000` on. */
async function filled(values: readonly string[]) {
  const driver = new MemStore().driver();
  for (const [n, value] of values.entries()) await put(driver, `k${String(n).padStart(3, '0')}`, value);
  return driver;
}

describe('A sorted range with a limit', () => {
  it('is the start of the one without, those that compare as equal in the order of their keys', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'b', 'c', 'd'), {minLength: 1, maxLength: 60}),
        fc.integer({min: 1, max: 20}),
        fc.constantFrom('ascend' as const, 'descend' as const),
        async (values, limit, sortOrder) => {
          const driver = await filled(values);
          const sign = sortOrder === 'ascend' ? 1 : -1;
          const expected = values
            .map((value, n) => ({value, n}))
            .sort((a, b) => sign * a.value.localeCompare(b.value) || a.n - b.n)
            .slice(0, limit)
            .map(({n}) => `k${String(n).padStart(3, '0')}`);
          const {kvs, more, count} = await driver.range({...all, sortTarget: 'value', sortOrder, limit});
          expect(kvs.map(({key}) => text(key))).toEqual(expected);
          expect({more, count}).toEqual({more: values.length > limit, count: values.length});
        },
      ),
      {seed: 1, numRuns: 100},
    );
  });

  it.each([1, 10])('of %d never sorts more than twice as many', async (limit) => {
    const driver = await filled(Array.from({length: 500}, (_, n) => String(n * 7_919)));
    const sort = jest.spyOn(Array.prototype, 'sort');
    await driver.range({...all, sortTarget: 'create', sortOrder: 'descend', maxCreateRevision: 400, limit});
    const sizes = sort.mock.contexts.map((sorted) => (sorted as unknown[]).length);
    sort.mockRestore();
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 * limit);
  });
});
