import {afterAll, beforeAll, describe, expect, it} from '@jest/globals';
import {
  type Authority,
  type Certificate,
  createAuthority,
  describeWithEtcd,
  type Etcd,
  freePort,
  runNode,
  startEtcd,
} from 'kvi-testbed';
import {copyFile} from 'node:fs/promises';
import {openEtcd, openEtcdDriver} from '../src/index.ts';
import {bytes, failure, put, read, take, untilAvailable} from './support/util.ts';

describeWithEtcd('An etcd with TLS', () => {
  let authority: Authority;
  let other: Authority;
  let server: Certificate;
  let client: Certificate;
  let ca: string;
  /** It wants no certificate of a client. */
  let open: Etcd & {tlsUrl: string};
  /** It wants one. */
  let strict: Etcd & {tlsUrl: string};

  async function startWithTls(
    certificate: Certificate,
    args: string[] = [],
  ): Promise<Etcd & {tlsUrl: string}> {
    const tlsUrl = `https://127.0.0.1:${String(await freePort())}`;
    const etcd = await startEtcd({
      clientUrls: [tlsUrl],
      args: ['--cert-file', certificate.certFile, '--key-file', certificate.keyFile, ...args],
    });
    return Object.assign(etcd, {tlsUrl});
  }

  beforeAll(async () => {
    authority = await createAuthority();
    other = await createAuthority();
    ca = authority.root.cert;
    client = await authority.issue('client', 'DNS:client');
    server = await authority.issue('server', 'DNS:etcd.test,IP:127.0.0.1');
    open = await startWithTls(server);
    strict = await startWithTls(server, ['--client-cert-auth', '--trusted-ca-file', authority.root.certFile]);
  });

  afterAll(async () => {
    await Promise.all([open, strict].map((etcd) => etcd.stop()));
    await authority[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  });

  it('serves who shows a certificate of its authority', async () => {
    const {cert, key} = client;
    const driver = await openEtcdDriver(strict.tlsUrl, {ca, cert, key, serverName: 'etcd.test'});
    await driver.txn(put('tls'));
    expect(await read(driver, 'tls')).toBe('v');
    await driver.close();
  });

  it('is known by its address, without a warning', async () => {
    const program = `
      import {openEtcd} from 'kvi-etcd';
      const kv = await openEtcd('${open.tlsUrl}', {ca: process.env.CA});
      await kv.store('address', 'v');
      await kv.close();`;
    const script = ['--input-type=module', '--eval', program];
    expect(await runNode(script, {env: {CA: ca}, cwd: import.meta.dirname})).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
  });

  it('is trusted by NODE_EXTRA_CA_CERTS', async () => {
    const program = `
      import {openEtcd} from 'kvi-etcd';
      const kv = await openEtcd('${open.tlsUrl}');
      await kv.store('extra', 'v');
      console.log(await kv.get('extra'));
      await kv.close();`;
    const script = ['--input-type=module', '--eval', program];
    const env = {NODE_EXTRA_CA_CERTS: authority.root.certFile};
    expect(await runNode(script, {env, cwd: import.meta.dirname})).toMatchObject({
      exitCode: 0,
      stdout: 'v\n',
    });
  });

  describe('is refused with KVI_TLS', () => {
    it.each([
      ['by another authority', () => ({ca: other.root.cert}), /not signed by a trusted authority/],
      ['by the authorities of Node', () => ({}), /not signed by a trusted authority/],
      ['under another name', () => ({ca, serverName: 'other.test'}), /not for "other\.test"/],
    ])('%s', async (_, options, message) => {
      expect(await failure(openEtcd(open.tlsUrl, options()))).toMatchObject({
        code: 'KVI_TLS',
        message: expect.stringMatching(message),
      });
    });

    it('when its certificate has expired', async () => {
      const expired = await authority.issue('expired', 'IP:127.0.0.1', 0);
      await using etcd = await startWithTls(expired);
      expect(await failure(openEtcd(etcd.tlsUrl, {ca}))).toMatchObject({
        code: 'KVI_TLS',
        message: expect.stringContaining('has expired'),
      });
    });

    it('by who is to speak plain HTTP to it, and the other way round', async () => {
      expect(await failure(openEtcd(open.tlsUrl.replace('https', 'http')))).toMatchObject({
        code: 'KVI_TLS',
        message: expect.stringContaining('speaks TLS; use https://'),
      });
      expect(await failure(openEtcd(strict.tlsUrl.replace('https', 'http')))).toMatchObject({
        code: 'KVI_TLS',
        message: expect.stringContaining('speaks TLS; use https://'),
      });
      expect(await failure(openEtcd(open.url.replace('http', 'https'), {ca}))).toMatchObject({
        code: 'KVI_TLS',
        message: expect.stringContaining('does not speak TLS; use http://'),
      });
    });
  });

  it('refuses who shows no certificate, or one of another authority, with KVI_TLS', async () => {
    const {cert, key} = await other.issue('client', 'DNS:client');
    for (const options of [{ca}, {ca, cert, key}]) {
      expect(await failure(openEtcd(strict.tlsUrl, options))).toMatchObject({
        code: 'KVI_TLS',
        message: expect.stringContaining("did not accept the client's certificate"),
      });
    }
  });

  it('that is not there is KVI_UNAVAILABLE', async () => {
    const url = `https://127.0.0.1:${String(await freePort())}`;
    expect(await failure(openEtcd(url, {ca}))).toMatchObject({code: 'KVI_UNAVAILABLE'});
  });

  it('is refused at once with certificates that are none', async () => {
    expect(await failure(openEtcdDriver(strict.tlsUrl, {cert: 'no PEM', key: 'no PEM'}))).toMatchObject({
      code: 'KVI_INVALID_ARGUMENT',
      message: expect.stringContaining('PEM'),
    });
    expect(await failure(openEtcdDriver(strict.tlsUrl, {ca: 'c', certificates: () => ({})}))).toMatchObject({
      code: 'KVI_INVALID_ARGUMENT',
    });
  });

  it('serves on with renewed certificates, watches included, when all have changed', async () => {
    let current = {ca, cert: client.cert, key: client.key};
    let asked = 0;
    const driver = await openEtcdDriver(strict.tlsUrl, {
      serverName: 'etcd.test',
      certificates() {
        asked += 1;
        return Promise.resolve(current);
      },
    });
    const watch = driver.watch({key: bytes('renewed')});
    await watch.created;
    expect(asked).toBe(1);
    const newClient = await other.issue('client', 'DNS:client');
    const newServer = await other.issue('server', 'DNS:etcd.test');
    await copyFile(newServer.certFile, server.certFile);
    await copyFile(newServer.keyFile, server.keyFile);
    await copyFile(other.root.certFile, authority.root.certFile);
    current = {ca: other.root.cert, cert: newClient.cert, key: newClient.key};
    await strict.restart();
    await untilAvailable(() => driver.txn(put('renewed')));
    expect(await take(watch, 1)).toHaveLength(1);
    expect(asked).toBeGreaterThan(1);
    await driver.close();
  });
});
