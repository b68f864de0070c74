import {once} from 'node:events';
import {createServer} from 'node:net';
import {expect, it} from '@jest/globals';
import {createAuthority, describeWithEtcd, etcdctl, freePort, startEtcd} from 'kvi-testbed';
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

describeWithEtcd('an etcd with TLS', () => {
  it('gets the files that options or variables name, and makes kvi exit with 112 when they are the wrong ones', async () => {
    await using authority = await createAuthority();
    await using other = await createAuthority();
    const server = await authority.issue('server', 'IP:127.0.0.1');
    const client = await authority.issue('client', 'DNS:client');
    const url = `https://127.0.0.1:${String(await freePort())}`;
    await using etcd = await startEtcd({
      clientUrls: [url],
      args: [
        ...['--cert-file', server.certFile, '--key-file', server.keyFile],
        ...['--client-cert-auth', '--trusted-ca-file', authority.root.certFile],
      ],
    });
    const files = {CACERT: authority.root.certFile, CERT: client.certFile, KEY: client.keyFile};
    const variables = (prefix: string, named: Record<string, string> = files) =>
      Object.fromEntries(Object.entries(named).map(([name, file]) => [`${prefix}_${name}`, file]));
    const get = (args: string[], env: Record<string, string>) =>
      runKvi([...args, 'store', 'a', '1'], {env: {KVI_URL: url, ...env}});

    const options = Object.entries(files).flatMap(([name, file]) => [`--${name.toLowerCase()}`, file]);
    for (const result of [
      await get(options, {}),
      await get([], variables('KVI')),
      await get([], variables('ETCDCTL')),
      await get([], {...variables('ETCDCTL', {CACERT: '/nowhere'}), ...variables('KVI')}),
      await get(['--cacert', files.CACERT], {...variables('KVI'), KVI_CACERT: '/nowhere'}),
      // Without TLS the variables are not looked at.
      await get(['--url', etcd.url], variables('KVI', {CACERT: '/nowhere'})),
    ]) {
      expect(result).toMatchObject({exitCode: 0, stderr: ''});
    }

    for (const env of [{}, variables('KVI', {...files, CACERT: other.root.certFile})]) {
      expect(await get([], env)).toMatchObject({exitCode: 112, stderr: expect.stringContaining('KVI_TLS')});
    }
    expect(await get([], variables('KVI', {CACERT: '/nowhere'}))).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('cannot read /nowhere'),
    });
  });
});
