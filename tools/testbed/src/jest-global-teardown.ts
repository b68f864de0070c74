import type {Etcd} from './node.ts';

/** Stops what the global setup started, and says so when this run left tests out. */
export default async function teardown(): Promise<void> {
  const {kviSharedEtcd: etcd} = globalThis as {kviSharedEtcd?: Etcd};
  if (etcd !== undefined) {
    await etcd.stop();
    // In watch mode the next run starts its own.
    delete process.env['KVI_TEST_ETCD_URL'];
  }
  if (process.env['KVI_TEST_ETCD'] === 'skip') {
    console.warn('KVI_TEST_ETCD=skip: the tests that need a real etcd did not run.');
  }
}
