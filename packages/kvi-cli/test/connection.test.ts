import {once} from 'node:events';
import {createServer} from 'node:net';
import {expect, it} from '@jest/globals';
import {describeWithEtcd, etcdctl, startEtcd} from 'kvi-testbed';
import {runKvi} from './support/run-kvi.ts';

it('an etcd that is not there makes kvi exit with 101', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  const port = typeof address === 'object' ? address?.port : undefined;
  expect(await runKvi(['--url', `http://127.0.0.1:${String(port)}`, 'get', 'a'])).toMatchObject({
    exitCode: 101,
    stdout: '',
    stderr: expect.stringContaining('KVI_UNAVAILABLE'),
  });
});

describeWithEtcd('an etcd that wants to know who calls', () => {
  it('is told by KVI_USERNAME and KVI_PASSWORD, and refuses a wrong password with 107', async () => {
    await using etcd = await startEtcd();
    await etcdctl(etcd.url, 'user', 'add', 'root:secret');
    await etcdctl(etcd.url, 'user', 'grant-role', 'root', 'root');
    await etcdctl(etcd.url, 'auth', 'enable');
    const store = (password: string) =>
      runKvi(['store', 'a', '1'], {
        env: {KVI_URL: etcd.url, KVI_USERNAME: 'root', KVI_PASSWORD: password},
      });
    expect(await store('secret')).toMatchObject({exitCode: 0, stderr: ''});
    const refused = await store('wrong');
    expect(refused).toMatchObject({exitCode: 107, stderr: expect.stringContaining('KVI_UNAUTHENTICATED')});
    expect(refused.stderr).not.toContain('wrong');
  });
});
