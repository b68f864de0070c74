import {describe, expect, it} from '@jest/globals';
import {parseCancelReason, toKviError} from '../src/failures/kvi-errors.ts';

const read = {write: false, describe: () => 'range "a"'};
const write = {write: true, describe: () => 'txn on "a"'};

const ambiguous = [
  [1, 'Cancelled'],
  [2, 'context canceled'],
  [4, 'context deadline exceeded'],
  [13, 'the server reset the stream with HTTP/2 error code 2'],
  [14, 'connection lost'],
  [14, 'etcdserver: request timed out'],
  [14, 'etcdserver: request timed out, possibly due to previous leader failure'],
  [14, 'etcdserver: leader changed'],
  [14, 'etcdserver: server stopped'],
  [8, 'the server reset the stream: too many requests'],
] as const;

describe('a call that failed', () => {
  it.each(ambiguous)('%i "%s" leaves open whether a write was applied', (code, details) => {
    expect(toKviError({code, details}, write).code).toBe('KVI_UNKNOWN_OUTCOME');
  });

  it.each(ambiguous)('%i "%s" lets a read be tried again', (code, details) => {
    expect(toKviError({code, details}, read).code).toBe('KVI_UNAVAILABLE');
  });

  it.each([
    [14, 'etcdserver: no leader', 'KVI_UNAVAILABLE'],
    [12, 'unknown service etcdserverpb.KV', 'KVI_UNAVAILABLE'],
    [8, 'etcdserver: too many requests', 'KVI_UNAVAILABLE'],
    [8, 'grpc: received message larger than max (9 vs. 8)', 'KVI_INVALID_ARGUMENT'],
    [3, 'etcdserver: duplicate key given in txn request', 'KVI_INVALID_ARGUMENT'],
    [5, 'etcdserver: requested lease not found', 'KVI_LEASE_NOT_FOUND'],
    [7, 'etcdserver: permission denied', 'KVI_PERMISSION_DENIED'],
    [3, 'etcdserver: authentication failed, invalid user ID or password', 'KVI_UNAUTHENTICATED'],
  ])('%i "%s" proves that a write was not applied', (code, details, expected) => {
    expect(toKviError({code, details}, write).code).toBe(expected);
  });

  it('proves that a write was not applied if no server processed it', () => {
    for (const [code, details] of ambiguous) {
      expect(toKviError({code, details, unprocessed: true}, write).code).toBe('KVI_UNAVAILABLE');
    }
  });

  it('leaves open whether a write was applied that was refused for want of space, and says that it was refused', () => {
    const failed = {code: 8, details: 'etcdserver: mvcc: database space exceeded'};
    expect(toKviError(failed, write)).toMatchObject({
      code: 'KVI_UNKNOWN_OUTCOME',
      cause: {code: 'KVI_RESOURCE_EXHAUSTED', cause: failed},
    });
    expect(toKviError(failed, read).code).toBe('KVI_RESOURCE_EXHAUSTED');
  });

  it('names the keys that it was about, and keeps its cause', () => {
    const cause = {code: 7, details: 'etcdserver: permission denied'};
    expect(toKviError(cause, read)).toMatchObject({
      message: 'range "a": etcdserver: permission denied',
      cause,
    });
  });
});

describe('the reason of a cancelled watch', () => {
  it('is read like a failed call', () => {
    const reason = parseCancelReason(
      'rpc error: code = PermissionDenied desc = etcdserver: permission denied',
    );
    expect(toKviError(reason, read).code).toBe('KVI_PERMISSION_DENIED');
  });
});
