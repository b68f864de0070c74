import {describe, expect, it} from '@jest/globals';
import {KviError} from 'kvi-core/driver';
import {etcdErrors, kviCodeOf, statusHeaders, statusIn, statusOfKviError} from 'kvi-wire';

describe('an error of etcd', () => {
  it.each([
    'KVI_COMPACTED',
    'KVI_FUTURE_REVISION',
    'KVI_LEASE_NOT_FOUND',
    'KVI_LEASE_EXISTS',
    'KVI_KEY_NOT_FOUND',
  ] as const)('%s is the same for a client, when a server has told it', (code) => {
    expect(kviCodeOf(statusOfKviError(new KviError(code, 'some words')).details)).toBe(code);
  });

  it.each([
    'KVI_PERMISSION_DENIED',
    'KVI_UNAUTHENTICATED',
    'KVI_RESOURCE_EXHAUSTED',
    'KVI_UNAVAILABLE',
  ] as const)('%s promises the same to a client', (code) => {
    expect(kviCodeOf(statusOfKviError(new KviError(code, 'some words')).details)).toBe(code);
  });

  it('promises nothing if a write may have been applied', () => {
    for (const code of ['KVI_UNKNOWN_OUTCOME', 'KVI_CLOSED', 'KVI_TIMEOUT', 'KVI_ABORTED'] as const) {
      expect(kviCodeOf(statusOfKviError(new KviError(code, 'some words')).details)).toBeUndefined();
    }
  });

  it('says that there is no space, also if the write was applied', () => {
    const cause = new KviError('KVI_RESOURCE_EXHAUSTED', 'full');
    expect(statusOfKviError(new KviError('KVI_UNKNOWN_OUTCOME', 'who knows', {cause}))).toEqual(
      etcdErrors.noSpace,
    );
  });

  it('is passed on as another etcd told it', () => {
    const cause = Object.assign(new Error(), {code: 9, details: etcdErrors.notForLearners.details});
    expect(statusOfKviError(new KviError('KVI_UNAVAILABLE', 'a learner', {cause}))).toEqual(
      etcdErrors.notForLearners,
    );
  });
});

describe('a status', () => {
  it('is read as it was written, in any language', () => {
    const status = {code: 3, details: '100 % falsch: "ä"\n~'};
    const headers = statusHeaders(status);
    expect(headers['grpc-message']).toMatch(/^[ -~]*$/);
    expect(statusIn(headers)).toEqual(status);
  });
});
