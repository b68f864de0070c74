import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {describeWithEtcd, type Etcd, startEtcd} from 'kvi-testbed';
import {copyFile} from 'node:fs/promises';
import {once} from 'node:events';
import {type AddressInfo, createServer} from 'node:net';
import {openEtcdDriver} from '../src/index.ts';
import {type Authority, type Certificate, createAuthority} from './support/certificates.ts';
import {bytes, failure, put, read, take, untilAvailable} from './support/util.ts';

describeWithEtcd('an etcd with TLS that asks for certificates', () => {
  let authority: Authority;
  let other: Authority;
  let client: Certificate;
  let server: Certificate;
  let etcd: Etcd;
  let url: string;

  beforeAll(async () => {
    authority = await createAuthority();
    other = await createAuthority();
    client = await authority.issue('client', 'DNS:client');
    server = await authority.issue('server', 'DNS:etcd.test');
    url = `https://127.0.0.1:${String(await freePort())}`;
    etcd = await startEtcd({
      clientUrls: [url],
      args: [
        ...['--cert-file', server.certFile, '--key-file', server.keyFile],
        ...['--client-cert-auth', '--trusted-ca-file', authority.root.certFile],
      ],
    });
  });

  afterAll(async () => {
    await etcd.stop();
    await authority[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  });

  it('serves who shows a certificate of its authority', async () => {
    const {cert, key} = client;
    const options = {ca: authority.root.cert, cert, key, serverName: 'etcd.test'};
    const driver = await openEtcdDriver(url, options);
    await driver.txn(put('tls'));
    expect(await read(driver, 'tls')).toBe('v');
    await driver.close();
  });

  it('is refused under another name, by another authority, and refuses who shows nothing', async () => {
    const {cert, key} = client;
    const ca = authority.root.cert;
    const serverName = 'etcd.test';
    for (const options of [
      {ca, cert, key},
      {ca: other.root.cert, cert, key, serverName},
      {ca, serverName},
    ]) {
      const error = await failure(openEtcdDriver(url, {...options, timeoutMs: 2_000}));
      expect(error).toMatchObject({code: expect.stringMatching(/^KVI_(UNAVAILABLE|TIMEOUT)$/)});
    }
  });

  it('is refused at once with certificates that are none', async () => {
    expect(await failure(openEtcdDriver(url, {cert: 'no PEM', key: 'no PEM'}))).toMatchObject({
      code: 'KVI_INVALID_ARGUMENT',
      message: expect.stringContaining('PEM'),
    });
    expect(await failure(openEtcdDriver(url, {ca: 'c', certificates: () => ({})}))).toMatchObject({
      code: 'KVI_INVALID_ARGUMENT',
    });
  });

  it('serves on with renewed certificates, watches included, when all have changed', async () => {
    let current = {ca: authority.root.cert, cert: client.cert, key: client.key};
    let asked = 0;
    const driver = await openEtcdDriver(url, {
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
    await etcd.restart();
    await untilAvailable(() => driver.txn(put('renewed')));
    expect(await take(watch, 1)).toHaveLength(1);
    expect(asked).toBeGreaterThan(1);
    await driver.close();
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address() as AddressInfo;
  server.close();
  return port;
}
