import {describe} from '@jest/globals';

/** `describe`, for tests that need a real etcd: with `KVI_TEST_ETCD=skip` jest counts them as skipped. */
export const describeWithEtcd = process.env['KVI_TEST_ETCD'] === 'skip' ? describe.skip : describe;

/**
 * The URL of the etcd that all tests of a run share: the one that `KVI_TEST_ETCD_URL` names, or one that was started
 * for the run. Keys there belong to everybody, so use a prefix of your own and do not compact; a test that needs an
 * etcd to itself calls `startEtcd`, which takes about 100 ms.
 */
export function sharedEtcdUrl(): string {
  const url = process.env['KVI_TEST_ETCD_URL'];
  if (url === undefined) {
    throw new Error(
      'No etcd was started for this run. Run the tests with `npm test`, and those that need an etcd in `describeWithEtcd`.',
    );
  }
  return url;
}
