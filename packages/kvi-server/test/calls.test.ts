import {afterEach, beforeEach, describe, expect, it, jest} from '@jest/globals';
import {KviError} from 'kvi-core/driver';
import {openEtcdDriver} from 'kvi-etcd';
import {MemStore} from 'kvi-mem';
import {serve} from 'kvi-server';
import {startServer, type TestServer} from 'kvi-server/testing';
import {createAuthority, freePort} from 'kvi-testbed';
import {
  alarm,
  authenticate,
  authStatus,
  defragment,
  deleteRange,
  etcdErrors,
  healthCheck,
  healthWatch,
  leaseGrant,
  leaseKeepAlive,
  leaseTimeToLive,
  memberList,
  prefixed,
  put,
  range,
  status,
  txn,
  watch,
} from 'kvi-wire';
import {mkdtempSync, rmSync} from 'node:fs';
import {connect as connectSocket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {type Client, connectClient} from './support/client.ts';

let server: TestServer;
let client: Client;
beforeEach(async () => {
  server = await startServer();
  client = connectClient(server.url);
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await server.close();
});

const key = Buffer.from('k');
const value = Buffer.from('v');

describe('a request', () => {
  it.each([
    ['a range without a key', range, {}, etcdErrors.emptyKey],
    ['a put without a key', put, {value}, etcdErrors.emptyKey],
    ['a deletion without a key', deleteRange, {}, etcdErrors.emptyKey],
    ['a put with a value to ignore', put, {key, value, ignoreValue: true}, etcdErrors.valueProvided],
    ['a put with a lease to ignore', put, {key, lease: '1', ignoreLease: true}, etcdErrors.leaseProvided],
    ['a put of a missing key', put, {key, ignoreValue: true}, etcdErrors.keyNotFound],
    ['a put under a missing lease', put, {key, value, lease: '1'}, etcdErrors.leaseNotFound],
    ['a put that lacks key and lease', put, {key, ignoreValue: true, lease: '1'}, etcdErrors.leaseNotFound],
    ['a range of the future', range, {key, revision: 99}, etcdErrors.futureRevision],
    ['an operation that is none', txn, {success: [{}]}, etcdErrors.keyNotFound],
    ['a compare without a key', txn, {compare: [{}]}, etcdErrors.emptyKey],
    ['two puts of a key', txn, {success: [{put: {key}}, {put: {key}}]}, etcdErrors.duplicateKey],
    [
      'too many operations',
      txn,
      {failure: Array.from({length: 129}, () => ({range: {key}}))},
      etcdErrors.tooManyOps,
    ],
    ['a lease for too long', leaseGrant, {ttl: 9_000_000_001}, etcdErrors.leaseTtlTooLarge],
    ['a request that is too large', put, {key, value: Buffer.alloc(1_600_000)}, etcdErrors.requestTooLarge],
    ['credentials', authenticate, {name: 'root', password: 'root'}, etcdErrors.authNotEnabled],
  ] as const)('%s is refused as by etcd', async (_, method, request, {code, details}) => {
    expect(await client.failure(method as typeof put, request as {key: Buffer})).toEqual({code, details});
  });

  it('is answered with who answers', async () => {
    expect(await client.call(status, {})).toMatchObject({
      header: {memberId: '1', revision: 1, raftTerm: 1},
      version: '3.6.5',
      leader: '1',
      dbSize: 20_480,
      dbSizeQuota: 2 ** 31,
      storageVersion: '3.6.0',
      errors: [],
    });
    await using old = await startServer({version: '3.4.23'});
    await using other = connectClient(old.url);
    expect(await other.call(status, {})).toMatchObject({
      version: '3.4.23',
      storageVersion: '',
      dbSizeQuota: 0,
    });
  });

  it('is told the address that its client dialled', async () => {
    const {members} = await client.call(memberList, {}, {':authority': 'proxy.example:2379'});
    expect(members).toMatchObject([{id: '1', clientUrls: ['http://proxy.example:2379']}]);
  });

  it('is answered as by an etcd without authentication, whatever its token', async () => {
    expect(await client.call(authStatus, {}, {token: 'some'})).toMatchObject({
      enabled: false,
      authRevision: 1,
    });
    expect(await client.call(range, {key}, {token: 'some'})).toMatchObject({count: 0});
  });

  it('names what to use instead of what is not there', async () => {
    const snapshot = {...status, path: '/etcdserverpb.Maintenance/Snapshot'};
    expect(await client.failure(snapshot, {})).toMatchObject({
      code: 12,
      details: expect.stringContaining('kvi export'),
    });
    const stream = {...range, path: '/etcdserverpb.KV/RangeStream'};
    expect(await client.failure(stream, {key})).toMatchObject({code: 12});
    const none = {...range, path: '/no.Such/Thing'};
    expect(await client.failure(none, {key})).toEqual({
      code: 12,
      details: 'unknown method Thing for service no.Such',
    });
  });

  it('that is malformed fails by itself', async () => {
    const path = range.path;
    expect(await client.raw(path, prefixed(Buffer.from([0x0a, 99])))).toMatchObject({code: 13});
    expect(await client.raw(path, Buffer.from([0, 0, 0, 0, 9, 1]))).toMatchObject({
      code: 13,
      details: 'truncated request',
    });
    expect(await client.raw(path, Buffer.alloc(0))).toMatchObject({code: 13, details: 'no request'});
    expect(await client.raw(path, Buffer.from([1, 0, 0, 0, 0]))).toMatchObject({code: 12});
    expect(await client.raw(path, Buffer.from([0, 0xff, 0, 0, 0]))).toMatchObject({
      code: 8,
      details: expect.stringMatching(/^grpc: received message larger than max/),
    });
    const twice = prefixed(range.encode({key}));
    expect(await client.raw(path, Buffer.concat([twice, twice]))).toBeDefined();
    // Not gRPC at all.
    expect(await client.raw(path, twice, {'content-type': 'text/plain'})).toBeUndefined();
    // Deeper than any stack.
    let deep = Buffer.alloc(0);
    for (let n = 0; n < 30_000; n += 1)
      deep = Buffer.concat([Buffer.from([0x0a, 0x7f]), deep.subarray(0, 4)]);
    expect(await client.raw(txn.path, prefixed(deep))).toMatchObject({code: 13});
    expect(await client.call(range, {key})).toMatchObject({count: 0});
  });
});

describe('leases', () => {
  it('are at least as long as etcd has them', async () => {
    expect(await client.call(leaseGrant, {ttl: -5, id: '77'})).toMatchObject({id: '77', ttl: 2});
    expect(await client.failure(leaseGrant, {ttl: 5, id: '77'})).toEqual({
      code: 9,
      details: etcdErrors.leaseExists.details,
    });
  });

  it('that are gone are no error of their stream', async () => {
    const {id} = await client.call(leaseGrant, {ttl: 100});
    const stream = client.open(leaseKeepAlive);
    for (const each of ['99', id, '98']) stream.send({id: each});
    const answers = [await stream.next(), await stream.next(), await stream.next()];
    expect(answers.map((answer) => [answer.id, answer.ttl])).toEqual([
      ['99', 0],
      [id, 100],
      ['98', 0],
    ]);
    expect(await client.call(leaseTimeToLive, {id: '99'})).toMatchObject({ttl: -1, grantedTtl: 0});
    stream.stream.end();
    expect(await stream.ended).toMatchObject({code: 0});
  });
});

describe('the quota', () => {
  it('raises an alarm that refuses writes until space is made and the alarm disarmed', async () => {
    await using small = await startServer({limits: {quotaBackendBytes: 10_000}});
    await using other = connectClient(small.url);
    await other.call(put, {key, value: Buffer.alloc(6_000)});
    const full = {code: 8, details: 'etcdserver: mvcc: database space exceeded'};
    expect(await other.failure(put, {key, value: Buffer.alloc(6_000)})).toEqual(full);
    expect(await other.failure(put, {key, value})).toEqual(full);
    expect(await other.call(alarm, {action: 'get'})).toMatchObject({
      alarms: [{memberId: '1', alarm: 'noSpace'}],
    });
    expect(await other.call(status, {})).toMatchObject({errors: ['memberID:1 alarm:NOSPACE ']});
    await other.call(deleteRange, {key});
    await other.call(defragment, {});
    await other.call(alarm, {action: 'deactivate', memberId: '1', alarm: 'noSpace'});
    await other.call(put, {key, value: Buffer.alloc(6_000)});
  });
});

describe('health', () => {
  it('is told for the server and its services', async () => {
    expect(await client.call(healthCheck, {service: ''})).toEqual({status: 'serving'});
    expect(await client.call(healthCheck, {service: 'etcdserverpb.KV'})).toEqual({status: 'serving'});
    expect(await client.failure(healthCheck, {service: 'other'})).toEqual({
      code: 5,
      details: 'unknown service',
    });
    const stream = client.open(healthWatch);
    stream.stream.end(prefixed(healthWatch.encode({service: ''})));
    expect(await stream.next()).toEqual({status: 'serving'});
  });
});

describe('over HTTP/1.1', () => {
  it('the server says what it is, and whether it is of use', async () => {
    const get = async (path: string, from = server): Promise<[number, string]> => {
      const response = await fetch(`${from.url}${path}`);
      return [response.status, await response.text()];
    };
    expect(await get('/version')).toEqual([200, '{"etcdserver":"3.6.5","etcdcluster":"3.6.0"}\n']);
    expect(await get('/health?serializable=true')).toEqual([200, '{"health":"true","reason":""}\n']);
    expect(await get('/livez')).toEqual([200, 'ok\n']);
    expect(await get('/readyz')).toEqual([200, 'ok\n']);
    const [, metrics] = await get('/metrics');
    expect(metrics).toMatch(/^etcd_server_has_leader 1$/m);
    expect(metrics).toMatch(/^etcd_debugging_mvcc_current_revision 1$/m);
    expect(await get('/other')).toEqual([404, '404 page not found\n']);
    expect(await get('/toString')).toEqual([404, '404 page not found\n']);
    expect((await fetch(`${server.url}/health`, {method: 'POST'})).status).toBe(405);
    await client.call(alarm, {action: 'activate', alarm: 'noSpace'});
    expect(await get('/health')).toEqual([503, '{"health":"false","reason":"ALARM NOSPACE"}\n']);
    expect(await get('/readyz')).toEqual([503, 'ALARM NOSPACE\n']);
  });
});

describe('a connection', () => {
  it('survives a client that cancels thousands of calls', async () => {
    const canceller = connectClient(server.url);
    const streams = Array.from({length: 3_000}, () => canceller.watch());
    for (const {stream, send} of streams) {
      send({create: {key}});
      stream.close(8);
    }
    await Promise.all(streams.map(({ended}) => ended));
    expect(await canceller.call(range, {key})).toMatchObject({count: 0});
    expect(await client.call(range, {key})).toMatchObject({count: 0});
    await canceller[Symbol.asyncDispose]();
    expect(server.store.watchCount).toBe(0);
  });

  it('that speaks nonsense is closed, and others live on', async () => {
    const nonsense = [
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense that is no frame at all',
      '\x16\x03\x01\x00',
      'P',
    ];
    for (const text of nonsense) {
      const socket = connectSocket(server.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(text);
      socket.end();
      await new Promise((resolve) => socket.resume().on('close', resolve));
    }
    expect(await client.call(range, {key})).toMatchObject({count: 0});
  });

  it('whose client takes no responses gets no more', async () => {
    await using small = await startServer({limits: {maxUnreadBytes: 1_000_000}});
    await using other = connectClient(small.url);
    await other.call(put, {key, value: Buffer.alloc(1_000_000)});
    const request = prefixed(range.encode({key}));
    const stalled = Array.from({length: 3}, () => {
      const {stream} = other.open(range);
      stream.pause();
      stream.end(request);
      return stream;
    });
    const refused = await new Promise<unknown>((resolve) => {
      const ask = (): void => {
        other.failure(range, {key: Buffer.from('absent')}).then(resolve, ask);
      };
      ask();
    });
    expect(refused).toEqual({code: 8, details: 'kvi-server: the client takes no responses'});
    for (const stream of stalled) stream.close();
  });
});

describe('a server', () => {
  it('listens on a unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kvi-server-'));
    await using there = await startServer({listen: `unix://${join(folder, 'socket')}`});
    expect(there.url).toBe(`unix://${join(folder, 'socket')}`);
    const createConnection = () => connectSocket(join(folder, 'socket'));
    await using other = connectClient(there.url, {createConnection});
    expect(await other.call(memberList, {})).toMatchObject({members: [{clientUrls: [there.url]}]});
    await there.close();
    rmSync(folder, {recursive: true});
  });

  it('refuses bad options before it listens', async () => {
    const driver = new MemStore().driver();
    const bad = [
      {listen: 'nowhere'},
      {version: 'three'},
      {limits: {maxTxnOps: 0}},
      {limits: {unknown: 1}},
      {lisen: ''},
    ];
    for (const options of bad) {
      await expect(serve(driver, options as object)).rejects.toMatchObject({code: 'KVI_INVALID_ARGUMENT'});
    }
    const listen = server.url.replace('http://', '');
    await expect(serve(driver, {listen})).rejects.toMatchObject({code: 'KVI_UNAVAILABLE'});
    await driver.close();
  });

  it('warns when others than this machine can reach it in clear', async () => {
    const port = await freePort();
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    await using open = await startServer({listen: `0.0.0.0:${port}`});
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('without TLS'));
    warn.mockRestore();
    expect(open.port).toBe(port);
  });

  it('closes while a client has yet to say what it wants', async () => {
    const own = await startServer();
    const socket = connectSocket(own.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const ended = new Promise((resolve) => socket.resume().once('close', resolve));
    await own.close();
    await ended;
  });

  it('ends its streams when it closes, and leaves the driver open', async () => {
    const driver = server.store.driver();
    const own = await serve(driver, {listen: '127.0.0.1:0'});
    await using other = connectClient(own.url);
    const stream = other.watch();
    stream.send({create: {key}});
    await stream.next();
    await Promise.all([own.close(), own.close()]);
    expect(await stream.ended).toEqual(etcdErrors.stopped);
    expect(await driver.range({key})).toMatchObject({count: 0});
    await driver.close();
  });
});

describe('authorize', () => {
  it('chooses the driver of each call, and refuses by throwing', async () => {
    const [mine, yours] = [new MemStore().driver(), new MemStore().driver()];
    const asked: string[] = [];
    const own = await serve(mine, {
      listen: '127.0.0.1:0',
      authorize({method, metadata}) {
        asked.push(method);
        if (metadata['user'] === 'me') return mine;
        if (metadata['user'] === 'you') return Promise.resolve(yours);
        if (metadata['user'] === undefined) throw new KviError('KVI_UNAUTHENTICATED', 'no user');
        throw new Error('go away');
      },
    });
    await using other = connectClient(own.url);
    await other.call(put, {key, value}, {user: 'me'});
    expect(await other.call(range, {key}, {user: 'me'})).toMatchObject({count: 1});
    expect(await other.call(range, {key}, {user: 'you'})).toMatchObject({count: 0});
    expect(await other.failure(range, {key})).toMatchObject({code: 16});
    expect(await other.failure(range, {key}, {user: 'x'})).toMatchObject({
      code: 7,
      details: etcdErrors.permissionDenied.details,
    });
    expect(asked).toEqual([put.path, range.path, range.path, range.path, range.path]);
    const stream = other.open(watch, {user: 'you'});
    stream.send({create: {key}});
    stream.send({create: {key}});
    await stream.next();
    await stream.next();
    expect(asked.slice(5)).toEqual([watch.path]);
    const page = async (headers: Record<string, string>, path = '/metrics') =>
      (await fetch(`${own.url}${path}`, {headers})).status;
    expect(await page({user: 'me'})).toBe(200);
    expect(await page({user: 'you'})).toBe(403);
    expect(await page({})).toBe(401);
    expect(await page({user: 'x'})).toBe(403);
    // Whether a server is of use, probes may know.
    expect(await page({}, '/health')).toBe(200);
    expect(asked.slice(6)).toEqual(Array(4).fill('/metrics'));
    await own.close();
    await Promise.all([mine.close(), yours.close()]);
  });

  it('is told whose certificate a client has, which has to be trusted', async () => {
    await using authority = await createAuthority();
    const [own, theirs] = await Promise.all([
      authority.issue('server', 'IP:127.0.0.1'),
      authority.issue('client-7', 'DNS:client'),
    ]);
    const driver = server.store.driver();
    const names: unknown[] = [];
    const secure = await serve(driver, {
      listen: '127.0.0.1:0',
      tls: {cert: own.cert, key: own.key, clientCa: authority.root.cert},
      authorize({peerCertificate}) {
        names.push(peerCertificate?.subject.CN);
        return driver;
      },
    });
    expect(secure.url).toMatch(/^https:/);
    const ca = authority.root.cert;
    await using other = connectClient(secure.url, {ca, cert: theirs.cert, key: theirs.key});
    expect(await other.call(range, {key})).toMatchObject({count: 0});
    expect(names).toEqual(['client-7']);
    const {url} = secure;
    const kvi = await openEtcdDriver(url, {ca, cert: theirs.cert, key: theirs.key});
    expect(await kvi.range({key})).toMatchObject({count: 0});
    await kvi.close();
    await expect(openEtcdDriver(url, {ca, timeoutMs: 2_000})).rejects.toMatchObject({code: 'KVI_TLS'});
    await secure.close();
    await driver.close();
  });
});
