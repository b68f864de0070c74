import {expect, it} from '@jest/globals';
import {createAuthority, describeWithEtcd, type Etcd, sharedEtcdUrl, startEtcd} from 'kvi-testbed';
import {once} from 'node:events';
import {type AddressInfo, connect, createServer, type Server} from 'node:net';
import {networkInterfaces} from 'node:os';
import {openEtcd} from '../src/index.ts';
import {failure} from './support/util.ts';

/** Passes on what comes at another address to the shared etcd. */
async function forward(server: Server, listen: (server: Server) => void): Promise<AddressInfo> {
  const {hostname, port} = new URL(sharedEtcdUrl());
  server.on('connection', (socket) => {
    const etcd = connect(Number(port), hostname);
    socket.on('error', () => etcd.destroy()).on('close', () => etcd.destroy());
    etcd.on('error', () => socket.destroy());
    socket.pipe(etcd).pipe(socket);
  });
  listen(server);
  await once(server, 'listening');
  return server.address() as AddressInfo;
}

describeWithEtcd('An address of etcd', () => {
  it('can be a unix socket', async () => {
    await using etcd: Etcd = await startEtcd({clientUrls: ['unix://localhost:0']});
    const path = `${etcd.dataDir}/localhost:0`;
    const kv = await openEtcd(`unix://${path}`);
    const watched = kv.watch('k');
    await kv.store('k', 'v');
    expect((await watched).value).toBe('v');
    await kv.close();
  });

  it('can be a unix socket with TLS, where the server is called localhost', async () => {
    await using authority = await createAuthority();
    const server = await authority.issue('server', 'DNS:localhost');
    await using etcd: Etcd = await startEtcd({
      clientUrls: ['unixs://localhost:0'],
      args: ['--cert-file', server.certFile, '--key-file', server.keyFile],
    });
    const url = `${etcd.dataDir}/localhost:0`;
    const kv = await openEtcd(`unixs://${url}`, {ca: authority.root.cert});
    await kv.store('k', 'v');
    expect(await kv.get('k')).toBe('v');
    await kv.close();
    expect(await failure(openEtcd(`unix://${url}`))).toMatchObject({
      code: 'KVI_TLS',
      message: expect.stringContaining('speaks TLS'),
    });
  });

  it('that is no socket is named in the error', async () => {
    expect(await failure(openEtcd('unix:///nowhere/etcd.sock'))).toMatchObject({
      code: 'KVI_UNAVAILABLE',
      message: expect.stringContaining('cannot open etcd at unix:///nowhere/etcd.sock'),
    });
  });

  it('can be an IPv6 address with a zone', async () => {
    const zone = ipv6Loopback();
    const server = createServer();
    const {port} = await forward(server, (it) => it.listen(0, zone === undefined ? '127.0.0.1' : '::1'));
    if (zone === undefined) {
      // A machine without IPv6 gets as far as trying.
      expect(await failure(openEtcd(`http://[::1%lo]:${port}`))).toMatchObject({
        code: 'KVI_UNAVAILABLE',
        message: expect.stringContaining('connect E'),
      });
    } else {
      for (const sign of ['%', '%25']) {
        const kv = await openEtcd(`http://[::1${sign}${zone}]:${port}`);
        await kv.store('addresses/zone', 'v');
        expect(await kv.get('addresses/zone')).toBe('v');
        await kv.delete('addresses/zone');
        await kv.close();
      }
    }
    server.close();
  });
});

/** The interface of `::1`: `lo` on Linux, `lo0` on macOS. */
function ipv6Loopback(): string | undefined {
  const interfaces = Object.entries(networkInterfaces());
  return interfaces.find(([, addresses]) => addresses?.some(({address}) => address === '::1'))?.[0];
}
