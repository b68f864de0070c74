import {inspect} from 'node:util';
import {describe, expect, it} from '@jest/globals';
import {isKviError, KviError} from 'kvi-core';
import {aborted, closed, invalidArgument} from 'kvi-core/driver';

describe('An error of kvi', () => {
  it('has a name, a code, a message, and of the rest only what it was given', () => {
    const plain = new KviError('KVI_CLOSED', 'enough');
    expect([plain.name, plain.code, plain.message]).toEqual(['KviError', 'KVI_CLOSED', 'enough']);
    expect(plain).toBeInstanceOf(Error);
    expect(Object.keys(plain).sort()).toEqual(['code', 'name']);
    expect('cause' in plain).toBe(false);
    expect(inspect(plain)).not.toContain('undefined');
  });

  it('carries its details', () => {
    const cause = new Error('below');
    const full = new KviError('KVI_COMPACTED', 'gone', {
      cause,
      compactRevision: 3,
      revision: 5,
      applied: true,
    });
    expect(full).toMatchObject({compactRevision: 3, revision: 5, applied: true});
    expect(full.cause).toBe(cause);
    expect('cause' in new KviError('KVI_CLOSED', 'enough', {cause: undefined})).toBe(true);
  });

  it('is told by its code, by one of several, or by its class', () => {
    const error = new KviError('KVI_TIMEOUT', 'late');
    expect(isKviError(error)).toBe(true);
    expect(isKviError(error, 'KVI_TIMEOUT')).toBe(true);
    expect(isKviError(error, 'KVI_CLOSED', 'KVI_TIMEOUT')).toBe(true);
    expect(isKviError(error, 'KVI_CLOSED')).toBe(false);
    expect(isKviError(Object.assign(new Error('late'), {code: 'KVI_TIMEOUT'}))).toBe(false);
    expect(isKviError(undefined, 'KVI_TIMEOUT')).toBe(false);
  });

  it('says why a call ended, and what to do', () => {
    expect(aborted(AbortSignal.abort('enough'))).toMatchObject({code: 'KVI_ABORTED', cause: 'enough'});
    expect(aborted(undefined)).toMatchObject({code: 'KVI_ABORTED', cause: undefined});
    expect(aborted(undefined).message).toContain('signal');
    expect(closed()).toMatchObject({code: 'KVI_CLOSED', message: expect.stringContaining('open another')});
    expect(invalidArgument('a reason')).toMatchObject({code: 'KVI_INVALID_ARGUMENT', message: 'a reason'});
  });
});
