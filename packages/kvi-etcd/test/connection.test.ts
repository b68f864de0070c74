import {afterAll, beforeAll, describe, expect, it} from '@jest/globals';
import type {Driver} from 'kvi-core/driver';
import {
  describeWithEtcd,
  runNode,
  startEtcd,
  startEtcdCluster,
  startProxy,
  type Etcd,
  type Proxy,
  typescriptArgs,
} from 'kvi-testbed';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createServer as createWebServer} from 'node:http';
import {connect, createServer, type AddressInfo, type Server, type Socket} from 'node:net';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';
import {openEtcdDriver} from '../src/index.ts';
import {bytes, failure, put, read, recordDiagnostics, until, untilAvailable} from './support/util.ts';

async function listen(server: Server): Promise<{url: string; close: () => void}> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address() as AddressInfo;
  return {url: `http://127.0.0.1:${String(port)}`, close: () => server.close()};
}

describe('opening', () => {
  it('fails at once when the only endpoint refuses, if it is not to wait', async () => {
    const {url, close} = await listen(createServer());
    close();
    // Longer than this test may take.
    const error = await failure(openEtcdDriver(url, {timeoutMs: 3_600_000, failFast: true}));
    expect(error).toMatchObject({
      code: 'KVI_UNAVAILABLE',
      message: expect.stringMatching(`^cannot open etcd at ${url}: etcd could not be reached`),
    });
  });

  it('waits for an etcd that starts later', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd.endpoint);
    proxy.refuse();
    const opening = openEtcdDriver(proxy.url, {timeoutMs: 60_000});
    const refused = await failure(openEtcdDriver(proxy.url, {timeoutMs: 300}));
    expect(refused).toMatchObject({code: 'KVI_UNAVAILABLE'});
    await proxy.accept();
    await (await opening).close();
  });

  it('fails in time when an endpoint accepts and says nothing', async () => {
    const accepted: Socket[] = [];
    const {url, close} = await listen(createServer((socket) => accepted.push(socket)));
    const error = await failure(openEtcdDriver(url, {timeoutMs: 200}));
    expect(error).toMatchObject({code: 'KVI_TIMEOUT', message: expect.stringContaining(url)});
    for (const socket of accepted) socket.destroy();
    close();
  });

  it('gives up a connection on which nothing is said, and makes another', async () => {
    await using etcd = await startEtcd();
    const open: Socket[] = [];
    let silent = false;
    let held = 0;
    const {url, close} = await listen(
      createServer((socket) => {
        open.push(socket.on('error', () => undefined));
        if (silent) held += 1;
        else socket.pipe(connect(Number(new URL(etcd.url).port), '127.0.0.1')).pipe(socket);
      }),
    );
    const driver = await openEtcdDriver(url);
    silent = true;
    for (const socket of open) socket.destroy();
    const reading = untilAvailable(() => read(driver, 'silent'));
    await until(() => held === 1);
    silent = false;
    expect(await reading).toBeUndefined();
    await driver.close();
    for (const socket of open) socket.destroy();
    close();
  });

  it('says so when the server is not an etcd', async () => {
    const {url, close} = await listen(createWebServer((_, response) => response.end('hello')));
    const error = await failure(openEtcdDriver(url));
    expect(error).toMatchObject({
      code: 'KVI_UNAVAILABLE',
      message: expect.stringContaining("does not speak etcd's v3 gRPC API"),
    });
    close();
  });

  it.each([
    [{time: 1}, /unknown option "time"/],
    [{timeoutMs: 0}, /timeoutMs/],
    [{username: 'u'}, /username and password/],
    [{cert: 'c'}, /cert and key/],
    [{ca: 'c'}, /https/],
    [{maxBufferedEvents: 0.5}, /maxBufferedEvents/],
    [{membershipRefresh: {intervalMs: 0}}, /intervalMs/],
  ])('refuses the options %j', async (options: object, message) => {
    const error = await failure(openEtcdDriver('http://127.0.0.1:1', options));
    expect(error).toMatchObject({code: 'KVI_INVALID_ARGUMENT', message: expect.stringMatching(message)});
  });
});

describeWithEtcd('a connection', () => {
  let etcd: Etcd;
  let proxy: Proxy;
  let driver: Driver;

  beforeAll(async () => {
    etcd = await startEtcd();
    proxy = await startProxy(etcd.endpoint);
    driver = await openEtcdDriver(proxy.url);
  });

  afterAll(async () => {
    await driver.close();
    await proxy.close();
    await etcd.stop();
  });

  it('reports a write whose answer was lost as unknown, and sends it once only', async () => {
    for (let round = 0; round < 5; round += 1) {
      const key = `lost/${String(round)}`;
      const {revision} = await driver.txn(put(key, 'old'));
      proxy.swallow('toClient');
      const swap = failure(
        driver.txn({
          compare: [{key: bytes(key), target: 'value', result: '=', value: bytes('old')}],
          success: [{type: 'put', key: bytes(key), value: bytes('new')}],
        }),
      );
      await applied(etcd.url, key, 'new');
      proxy.cut();
      proxy.swallow();
      expect(await swap).toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
      const {kvs} = await untilAvailable(() => driver.range({key: bytes(key)}));
      expect(kvs[0]).toMatchObject({version: 2, modRevision: revision + 1});
    }
  });

  it('fails a write that got no answer in time as unknown, and a read as a timeout', async () => {
    proxy.freeze();
    const [write, reading] = await Promise.all([
      failure(driver.txn(put('slow'), {timeoutMs: 100})),
      failure(driver.range({key: bytes('slow')}, {timeoutMs: 100})),
    ]);
    proxy.thaw();
    expect(write).toMatchObject({code: 'KVI_UNKNOWN_OUTCOME', cause: {code: 'KVI_TIMEOUT'}});
    expect(reading).toMatchObject({code: 'KVI_TIMEOUT'});
  });

  it('ends a call when its signal aborts', async () => {
    proxy.freeze();
    const controller = new AbortController();
    const {signal} = controller;
    const calls = [driver.txn(put('aborted'), {signal}), driver.range({key: bytes('aborted')}, {signal})];
    const failures = Promise.all(calls.map(failure));
    controller.abort('enough');
    const [write, reading] = await failures;
    proxy.thaw();
    expect([write, reading]).toMatchObject([
      expect.objectContaining({code: expect.stringMatching(/^KVI_(UNKNOWN_OUTCOME|ABORTED)$/)}),
      {code: 'KVI_ABORTED', cause: 'enough'},
    ]);
  });

  it('promises that nothing was applied when there is no connection to send on', async () => {
    proxy.refuse();
    proxy.cut();
    // Whether the end of the old connection has been noticed, a read may find out.
    await failure(driver.range({key: bytes('unsent')}));
    const error = await failure(driver.txn(put('unsent')));
    expect(error).toMatchObject({code: 'KVI_UNAVAILABLE'});
    await proxy.accept();
    expect(await untilAvailable(() => read(driver, 'unsent'))).toBeUndefined();
  });

  it('keeps many leases alive at once, each with its own answer', async () => {
    const leases = await Promise.all(
      Array.from({length: 50}, (_, index) => driver.leaseGrant({ttlSeconds: 100 + index})),
    );
    const answers = await Promise.all(leases.map(({id}) => driver.leaseKeepAlive(id)));
    expect(answers.map(({ttlSeconds}) => ttlSeconds)).toEqual(leases.map(({ttlSeconds}) => ttlSeconds));
    expect(await failure(driver.leaseKeepAlive('123456789'))).toMatchObject({code: 'KVI_LEASE_NOT_FOUND'});
  });

  it('fails keepalives that were under way when the connection broke, and sends later ones on another', async () => {
    const {id} = await driver.leaseGrant({ttlSeconds: 60});
    using told = recordDiagnostics('kvi:etcd:keep-alive-lost');
    proxy.swallow('toClient');
    const lost = failure(driver.leaseKeepAlive(id));
    const gone = failure(driver.leaseKeepAlive(id, {timeoutMs: 50}));
    expect(await gone).toMatchObject({code: 'KVI_TIMEOUT'});
    proxy.cut();
    proxy.swallow();
    expect(await lost).toMatchObject({code: 'KVI_UNAVAILABLE'});
    expect(told.messages).toMatchObject([{endpoints: proxy.url, waiting: 1, code: 'KVI_UNAVAILABLE'}]);
    expect(await untilAvailable(() => driver.leaseKeepAlive(id))).toMatchObject({ttlSeconds: 60});
  });

  it('reads an answer above the 4 MiB that gRPC clients refuse by default', async () => {
    const value = Buffer.alloc(1_000_000, 'x');
    for (let index = 0; index < 6; index += 1) {
      await driver.txn({success: [{type: 'put', key: bytes(`large/${String(index)}`), value}]});
    }
    const {kvs} = await driver.range({key: bytes('large/'), rangeEnd: bytes('large0')});
    expect(kvs.map((kv) => kv.value.length)).toEqual(Array(6).fill(1_000_000));
  });

  it('stays with its member when it ends its own streams', async () => {
    await using cluster = await startEtcdCluster(2);
    using failovers = recordDiagnostics('kvi:etcd:failover');
    const own = await openEtcdDriver(cluster.url);
    for (let round = 0; round < 5; round += 1) {
      const watch = own.watch({key: bytes('own')});
      await watch.created;
      await watch.return();
      const {id} = await own.leaseGrant({ttlSeconds: 60});
      await own.leaseKeepAlive(id);
      await own.txn(put('own'));
    }
    expect(failovers.messages).toEqual([]);
    await own.close();
  });

  it('cuts short what is under way when it is closed, and refuses everything after', async () => {
    const closing = await openEtcdDriver(proxy.url);
    const key = bytes('closing');
    const watch = closing.watch({key});
    await watch.created;
    proxy.freeze();
    const write = failure(closing.txn(put('closing')));
    const reading = failure(closing.range({key}));
    const keepAlive = failure(closing.leaseKeepAlive('1'));
    const watching = failure(watch.next());
    // Until then the write has not been sent.
    await new Promise(setImmediate);
    await closing.close();
    await closing.close();
    proxy.thaw();
    expect(await write).toMatchObject({code: 'KVI_UNKNOWN_OUTCOME', cause: {code: 'KVI_CLOSED'}});
    for (const pending of [
      reading,
      keepAlive,
      watching,
      closing
        .watch({key})
        .next()
        .catch((e: unknown) => e),
    ]) {
      expect(await pending).toMatchObject({code: 'KVI_CLOSED'});
    }
    for (const call of [closing.range({key}), closing.txn(put('closing')), closing.leaseKeepAlive('1')]) {
      expect(await failure(call)).toMatchObject({code: 'KVI_CLOSED'});
    }
  });

  it('ends watches at once when it is closed while the server is gone', async () => {
    const own = await startProxy(etcd.endpoint);
    const closing = await openEtcdDriver(own.url);
    const watch = closing.watch({key: bytes('gone')});
    await watch.created;
    await own.close();
    await failure(closing.range({key: bytes('gone')}));
    const waiting = failure(watch.next());
    const starting = failure(closing.watch({key: bytes('gone')}).next());
    await closing.close();
    expect(await waiting).toMatchObject({code: 'KVI_CLOSED'});
    expect(await starting).toMatchObject({code: 'KVI_CLOSED'});
  });

  it('carries two thousand calls and watches at once', async () => {
    const calls = Array.from({length: 2_000}, (_, index) => driver.txn(put(`many/${index % 10}`)));
    const watches = Array.from({length: 2_000}, (_, index) => driver.watch({key: bytes(`many/${index}`)}));
    const revisions = (await Promise.all(calls)).map(({revision}) => revision);
    expect(new Set(revisions).size).toBe(2_000);
    await Promise.all(watches.map(({created}) => created));
    await Promise.all(watches.map((watch) => watch.return()));
  });

  it('lets the process exit by itself while it is idle', async () => {
    const program = `
      import {openEtcdDriver} from 'kvi-etcd';
      const driver = await openEtcdDriver('${etcd.url}');
      await driver.range({key: Buffer.from('idle')});
      console.log('idle');`;
    const script = ['--input-type=module', '--eval', program];
    expect(await runNode(script, {cwd: import.meta.dirname})).toMatchObject({exitCode: 0, stdout: 'idle\n'});
  });

  it('lets the process exit by itself once it is closed', async () => {
    const program = fileURLToPath(new URL('support/use-and-close.mjs', import.meta.url));
    const child = spawn(process.execPath, [...typescriptArgs, program, etcd.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    expect(await text(child.stdout)).toBe('closed\n');
    await exited;
    expect(child.exitCode).toBe(0);
  });
});

/** Waits until the etcd itself, asked on another way, holds this value. */
async function applied(url: string, key: string, value: string): Promise<void> {
  const observer = await openEtcdDriver(url);
  const watch = observer.watch({key: bytes(key)});
  await watch.created;
  if ((await read(observer, key)) !== value) await watch.next();
  expect(await read(observer, key)).toBe(value);
  await observer.close();
}
