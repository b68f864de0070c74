import {afterEach, beforeEach, expect, it} from '@jest/globals';
import {dirname} from 'node:path';
import {provisionEtcd, provisionEtcdctl} from '../src/provision.ts';
import {describeWithEtcd} from '../src/shared-etcd.ts';

describeWithEtcd('finding an etcd', () => {
  const before = {...process.env};

  beforeEach(() => {
    delete process.env['ETCD_BIN'];
    delete process.env['ETCDCTL_BIN'];
  });

  afterEach(() => {
    process.env = {...before};
  });

  it('takes the one that ETCD_BIN names, and the etcdctl beside it', async () => {
    const {path} = await provisionEtcd();
    process.env['ETCD_BIN'] = path;
    process.env['PATH'] = '';
    expect((await provisionEtcd()).path).toBe(path);
    expect(dirname(await provisionEtcdctl())).toBe(dirname(path));
  });

  it('finds one on the PATH', async () => {
    const {path} = await provisionEtcd();
    delete process.env['KVI_TEST_ETCD_RELEASE'];
    process.env['PATH'] = dirname(path);
    expect((await provisionEtcd()).path).toBe(path);
  });

  it('refuses an ETCD_BIN that is no etcd, instead of taking another', async () => {
    delete process.env['KVI_TEST_ETCD_RELEASE'];
    process.env['ETCD_BIN'] = '/bin/echo';
    await expect(provisionEtcd()).rejects.toThrow('/bin/echo is not an etcd');
    process.env['ETCD_BIN'] = '/no/such/file';
    await expect(provisionEtcd()).rejects.toThrow('/no/such/file does not run');
  });

  it('refuses a release that it does not know', async () => {
    process.env['KVI_TEST_ETCD_RELEASE'] = 'buster';
    await expect(provisionEtcd()).rejects.toThrow('it must be bookworm, trixie or sid');
  });
});
