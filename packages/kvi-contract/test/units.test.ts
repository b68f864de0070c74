import {describe, expect, it} from '@jest/globals';
import {checkUnits, type RecordedUnit, type UnitStep} from 'kvi-contract';

const get = (key: string, found: string | undefined): UnitStep => ({type: 'get', key, found});
const store = (key: string, value: string): UnitStep => ({type: 'store', key, value});
const range = (prefix: string, ...found: [string, string][]): UnitStep => ({type: 'getRange', prefix, found});

let clients = 0;
/** A unit of a client of its own. */
function unit(start: number, end: number, ...steps: UnitStep[]): RecordedUnit {
  clients += 1;
  return {client: `client ${String(clients)}`, start, end, steps};
}

describe('Units of work are in order', () => {
  it('when each sees what those before it left, and its own writes', () => {
    const units = [
      unit(1, 2, get('a', undefined), store('a', '1'), get('a', '1')),
      unit(3, 4, range('', ['a', '1']), {type: 'delete', key: 'a'}, range('')),
      unit(5, 6, get('a', undefined)),
    ];
    expect(checkUnits(units)).toBeUndefined();
  });

  it('when those that ran at the same time can be put in order', () => {
    const units = [unit(1, 10, get('a', '2')), unit(2, 9, store('a', '1')), unit(3, 8, store('a', '2'))];
    expect(checkUnits(units)).toBeUndefined();
  });

  it('when one of unknown outcome was applied late, or never', () => {
    const lost = unit(1, Infinity, store('a', '1'));
    expect(checkUnits([lost, unit(2, 3, get('a', undefined)), unit(4, 5, get('a', '1'))])).toBeUndefined();
    expect(checkUnits([lost, unit(2, 3, get('a', undefined))])).toBeUndefined();
  });

  it('when they begin with what there was', () => {
    expect(checkUnits([unit(1, 2, get('a', '0'))], new Map([['a', '0']]))).toBeUndefined();
  });
});

describe('Units of work are found out of order', () => {
  it.each<[string, RecordedUnit[]]>([
    [
      'a lost update',
      [unit(1, 3, get('a', '0'), store('a', '1')), unit(2, 4, get('a', '0'), store('a', '1'))],
    ],
    [
      'write skew',
      [
        unit(1, 3, get('a', '0'), get('b', undefined), store('b', '1')),
        unit(2, 4, get('a', '0'), get('b', undefined), store('a', '1')),
        unit(5, 6, get('a', '1'), get('b', '1')),
      ],
    ],
    [
      'a phantom',
      [unit(1, 3, range('x/'), store('x/0', 'first')), unit(2, 4, range('x/'), store('x/1', 'second'))],
    ],
    ['a stale read', [unit(1, 2, store('a', '1')), unit(3, 4, get('a', '0'))]],
    [
      'a read of two states',
      [unit(1, 4, get('a', '0'), get('b', '1')), unit(2, 3, store('a', '1'), store('b', '1'))],
    ],
    ['an own write that was not seen', [unit(1, 2, store('a', '1'), get('a', '0'))]],
    [
      'a write that came back',
      [unit(1, Infinity, store('a', '1')), unit(2, 3, get('a', '1')), unit(4, 5, get('a', '0'))],
    ],
  ])('with %s', (_, units) => {
    expect(checkUnits(units, new Map([['a', '0']]))).toMatch(/^no order of the units/);
  });

  it('and are shown', () => {
    const steps: UnitStep[] = [
      get('a', '1'),
      range('x/', ['x/1', 'v']),
      store('b', '2'),
      {type: 'delete', key: 'c'},
    ];
    expect(checkUnits([{client: 'client 1', start: 1, end: 2, steps}])).toContain(
      'client 1: get a -> "1"; getRange x/ -> [["x/1","v"]]; store b = "2"; delete c',
    );
  });
});
