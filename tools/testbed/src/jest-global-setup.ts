import {startEtcd} from './etcd.ts';

/** Starts the etcd that all tests of this run share, and hands its URL to them as `KVI_TEST_ETCD_URL`. */
export default async function setup(): Promise<void> {
  if (process.env['KVI_TEST_ETCD'] === 'skip' || process.env['KVI_TEST_ETCD_URL'] !== undefined) return;
  const etcd = await startEtcd();
  process.env['KVI_TEST_ETCD_URL'] = etcd.url;
  Object.assign(globalThis, {kviSharedEtcd: etcd});
}
