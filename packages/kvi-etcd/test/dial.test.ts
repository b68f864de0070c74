import {afterEach, describe, expect, it} from '@jest/globals';
import {createAuthority} from 'kvi-testbed';
import dns from 'node:dns';
import {once} from 'node:events';
import {type AddressInfo, createServer, type Server} from 'node:net';
import {createServer as createTlsServer} from 'node:tls';
import {connectTo} from '../src/cluster/connection.ts';
import {dial} from '../src/cluster/dial.ts';
import {authorityOf, type Endpoint, parseEndpoint} from '../src/cluster/endpoints.ts';
import {GrpcError} from '../src/failures/grpc-failures.ts';
import {startScriptedServer} from './support/scripted-server.ts';
import {failure, until} from './support/util.ts';

const neverAborted = new AbortController().signal;
const servers: Server[] = [];
const {lookup} = dns;

afterEach(() => {
  dns.lookup = lookup;
  for (const server of servers.splice(0)) {
    server.close();
  }
});

async function listen(server: Server, tls = false): Promise<Endpoint> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {host: '127.0.0.1', port: (server.address() as AddressInfo).port, tls};
}

type Found = (error: null, addresses: dns.LookupAddress[]) => void;

/** Gives every name these addresses. */
function resolveTo(...addresses: string[]): void {
  dns.lookup = ((_name: string, _options: object, found: Found) => {
    found(
      null,
      addresses.map((address) => ({address, family: 4})),
    );
  }) as typeof lookup;
}

describe('connecting', () => {
  it('tries every address of a name', async () => {
    await using server = await startScriptedServer(() => undefined);
    resolveTo('127.0.0.3', '127.0.0.2', '127.0.0.1');
    const session = await dial({...server.endpoint, host: 'etcd.kvi.test'}, {}, neverAborted);
    session.close();
  });

  it('says of every address of a name why it cannot be reached', async () => {
    const endpoint = await listen(createServer());
    servers.pop()?.close();
    resolveTo('127.0.0.2', '127.0.0.1');
    const named = {...endpoint, host: 'etcd.kvi.test'};
    const port = 'port' in endpoint ? endpoint.port : 0;
    expect(await failure(dial(named, {}, neverAborted))).toMatchObject({
      code: 14,
      details: `connect ECONNREFUSED 127.0.0.2:${port}, connect ECONNREFUSED 127.0.0.1:${port}`,
      unprocessed: true,
    });
  });

  it('says that a server with TLS does not speak HTTP/2', async () => {
    await using authority = await createAuthority();
    const {cert, key} = await authority.issue('server', 'IP:127.0.0.1');
    const server = createTlsServer({cert, key, ALPNProtocols: ['http/1.1']});
    server.on('tlsClientError', () => undefined);
    const endpoint = await listen(server, true);
    const certificates = () => ({ca: authority.root.cert});
    expect(await failure(dial(endpoint, {certificates}, neverAborted))).toMatchObject({
      details: expect.stringContaining('does not speak HTTP/2'),
      obstacle: 'tls',
      unprocessed: true,
    });
  });

  it.each([
    ['closes the connection', 'silent', ''],
    ['answers in HTTP/1.1', 'not gRPC', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ])('says so when a server %s', async (_, obstacle, response) => {
    const endpoint = await listen(createServer((socket) => socket.end(response)));
    expect(await failure(dial(endpoint, {}, neverAborted))).toMatchObject({
      code: 14,
      unprocessed: true,
      obstacle,
    });
  });

  it('fails with what the source of certificates throws', async () => {
    const endpoint = await listen(createServer(), true);
    const certificates = () => Promise.reject(new Error('no such file'));
    const error = await failure(dial(endpoint, {certificates}, neverAborted));
    expect(error).toBeInstanceOf(GrpcError);
    expect(error).toMatchObject({details: 'no such file'});
  });

  it('ends with its signal', async () => {
    const accepted = new AbortController();
    const endpoint = await listen(createServer(() => accepted.abort()));
    expect(await failure(dial(endpoint, {}, accepted.signal))).toMatchObject({unprocessed: true});
  });

  it('is tried again with pauses that grow', async () => {
    const attempts: number[] = [];
    const endpoint = await listen(
      createServer((socket) => {
        attempts.push(performance.now());
        socket.destroy();
      }),
    );
    const states = new Set<string>();
    const connection = connectTo(endpoint, {}, () => states.add(connection.state));
    connection.connect();
    await until(() => attempts.length === 5);
    connection.close();
    // At least half of 100, 200, 400 and 800 ms.
    expect(Number(attempts[4]) - Number(attempts[0])).toBeGreaterThan(740);
    expect([...states]).toEqual(['failed']);
  });
});

describe('the authority of a request', () => {
  it.each([
    ['etcd.example:1234', 'etcd.example:1234'],
    ['[::1]', '[::1]:2379'],
    ['[fe80::1%eth0]:1', '[fe80::1]:1'],
    ['unix:///run/etcd.sock', 'localhost'],
  ])('for %s is %s', (endpoint, authority) => {
    expect(authorityOf(parseEndpoint(endpoint))).toBe(authority);
  });
});
