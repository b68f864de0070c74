import {describe, expect, it} from '@jest/globals';
import {typescriptArgs} from 'kvi-testbed/programs';
import {type Curve, curves} from '../src/growth/curves.ts';
import {curveOf, growth} from '../src/growth/growth.ts';
import {growthPart, replaceGrowth} from '../src/growth/part.ts';
import {plot} from '../src/growth/plot.ts';

const curve: Curve = {
  name: 'keys-get',
  series: [
    {
      name: 'kvi',
      points: [
        {x: 1_000, y: 2},
        {x: 1_000_000, y: 4.5678},
      ],
    },
    {name: 'a <peer>', points: [{x: 1_000, y: 3}]},
  ],
};

describe('The growth', () => {
  it('is measured of each store, and of what only kvi has', async () => {
    const measured = await growth({passes: 1, scale: 0.001, nodeArgs: typescriptArgs});
    const names = Object.fromEntries(
      measured.map(({name, series}) => [name, series.map((each) => each.name)]),
    );
    const stores = ['kvi', 'keyv', 'unstorage', 'memory-level', 'an async Map'];
    expect(names).toMatchObject({
      'keys-get': stores,
      'keys-store': stores,
      'keys-scan': ['kvi', 'memory-level'],
      'keys-memory': stores,
      'values-get': stores,
      'values-store': stores,
      history: ['get', 'get at a past revision', 'store'],
    });
    expect(Object.keys(names)).toEqual(Object.keys(curves));
    for (const {series} of measured) {
      // Of so little, what is measured may be anything, of memory even less than nothing.
      for (const {points} of series) {
        expect(points).not.toEqual([]);
        for (const {x, y} of points) expect([x > 0, Number.isFinite(y)]).toEqual([true, true]);
      }
    }
  }, 300_000);

  it('is the median of the passes at each point, by what grows', () => {
    const at = (x: number, y: number) => ({curve: 'keys-get' as const, series: 'kvi', x, y});
    const points = [at(10, 5), at(1, 1), at(10, 7), at(10, 6), {...at(1, 9), curve: 'keys-store' as const}];
    expect(curveOf('keys-get', points)).toEqual({
      name: 'keys-get',
      series: [
        {
          name: 'kvi',
          points: [
            {x: 1, y: 1},
            {x: 10, y: 6},
          ],
        },
      ],
    });
  });
});

describe('The part of the page about growth', () => {
  it('has a plot and a table for each curve, and takes the place of the one before', () => {
    const part = growthPart([curve], 3);
    expect(part).toContain(
      '### Get, by keys in the store\n\n![get: µs of CPU a call, by keys in the store](benchmarks/keys-get.svg)',
    );
    expect(part).toContain(
      '| kvi              |     2 |      4.57 |\n| a <peer>         |     3 |           |\n',
    );
    const page = replaceGrowth('# Page\n\n## How `mem:` grows\n\nold\n\n## Next\n', part);
    expect(page).toBe(`# Page\n\n${part}\n## Next\n`);
    expect(() => replaceGrowth('# Page\n\n## Next\n', part)).toThrow('has no part');
  });
});

describe('A plot', () => {
  const drawn = plot({...curves['keys-get'], series: curve.series});
  const all = (pattern: RegExp) => [...drawn.matchAll(pattern)].map((match) => match[1]);

  it('has a line for each series, on logarithmic axes that go from power to power of ten', () => {
    expect(all(/points="([^"]*)"/g)).toEqual(['60.0,193.8 440.0,114.9', '60.0,155.0']);
    expect(all(/text-anchor="middle">([^<]*)</g)).toEqual(['keys in the store', '1K', '10K', '100K', '1M']);
    expect(all(/text-anchor="end">([^<]*)</g)).toEqual(['1', '2', '5', '10']);
  });

  it('names each series where no other name is, with its characters escaped', () => {
    expect(drawn).toContain('>kvi</text>');
    expect(drawn).toContain('>a &lt;peer></text>');
    const close = plot({
      ...curves['keys-get'],
      series: ['a', 'b', 'c'].map((name) => ({name, points: [{x: 1, y: 1}]})),
    });
    const heights = [...close.matchAll(/x="450.0" y="([^"]*)"/g)].map((match) => Number(match[1]));
    expect(heights.map((height) => height - (heights[0] ?? 0))).toEqual([0, 16, 32]);
  });
});
