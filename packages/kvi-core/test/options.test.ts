import {describe, expect, it} from '@jest/globals';
import {checkOptions, kviOptionNames} from '../src/kvi/options.ts';

describe('The options of a handle', () => {
  it('can be checked before anything is opened', () => {
    expect(() => checkOptions({})).not.toThrow();
    expect(() => checkOptions({timeoutMs: -1})).toThrow(/timeoutMs/);
  });

  it.each([5, 'timeoutMs', null])('are an object, not %p', (options) => {
    expect(() => checkOptions(options as never)).toThrow(/options must be an object/);
  });

  it('are known by their names', () => {
    expect(kviOptionNames.toSorted()).toEqual([
      'lockName',
      'maxRequestBytes',
      'maxTxnOps',
      'onUnknownOutcome',
      'retryPolicy',
      'timeoutMs',
      'ttlSeconds',
    ]);
  });
});
