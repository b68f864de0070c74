import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {once} from 'node:events';
import {connect, createServer, type Server, type Socket} from 'node:net';
import {startProxy, type Proxy} from '../src/proxy.ts';

describe('proxy', () => {
  let echo: Server;
  let proxy: Proxy;
  const clients: Socket[] = [];

  beforeEach(async () => {
    echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const address = echo.address();
    if (address === null || typeof address === 'string') throw new Error('the echo server has no port');
    proxy = await startProxy(`127.0.0.1:${address.port}`);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.close();
    echo.close();
    await once(echo, 'close');
  });

  async function dial(): Promise<Socket> {
    const client = connect(Number(proxy.endpoint.split(':')[1]), '127.0.0.1');
    client.on('error', () => undefined);
    clients.push(client);
    await once(client, 'connect');
    return client;
  }

  async function received(client: Socket): Promise<string> {
    const [chunk] = (await once(client, 'data')) as [Buffer];
    return chunk.toString();
  }

  async function everything(client: Socket): Promise<string> {
    const chunks = (await client.toArray()) as Buffer[];
    return Buffer.concat(chunks).toString();
  }

  it('passes bytes both ways, and counts them', async () => {
    const client = await dial();
    client.write('hello');
    expect(await received(client)).toBe('hello');
    expect(proxy.bytes).toEqual({toServer: 5, toClient: 5});
    expect(proxy.connections).toBe(1);
    expect(proxy.openConnections).toBe(1);
  });

  it('passes the end of a connection on, after everything that was sent before it', async () => {
    proxy.delay(20);
    const client = await dial();
    client.end('last words');
    expect(await everything(client)).toBe('last words');
  });

  it('resets all connections when it cuts, and takes new ones', async () => {
    const before = await dial();
    before.write('hello');
    await received(before);
    const failed = once(before, 'error') as Promise<[NodeJS.ErrnoException]>;
    proxy.cut();
    expect((await failed)[0].code).toBe('ECONNRESET');
    expect(proxy.openConnections).toBe(0);

    const after = await dial();
    after.write('again');
    expect(await received(after)).toBe('again');
  });

  it('refuses new connections until it accepts again, and keeps the open ones', async () => {
    const client = await dial();
    proxy.refuse();
    await expect(dial()).rejects.toMatchObject({code: 'ECONNREFUSED'});
    client.write('still here');
    expect(await received(client)).toBe('still here');
    await proxy.accept();
    const next = await dial();
    next.write('hello');
    expect(await received(next)).toBe('hello');
  });

  it('holds everything back while it is frozen, and lets it through in order', async () => {
    const client = await dial();
    proxy.freeze();
    client.write('one ');
    await reach(() => proxy.bytes.toServer === 4);
    client.end('two');
    await reach(() => proxy.bytes.toServer === 7);
    expect(proxy.bytes.toClient).toBe(0);
    proxy.thaw();
    expect(await everything(client)).toBe('one two');
  });

  it('swallows one direction only', async () => {
    const client = await dial();
    proxy.swallow('toClient');
    client.write('hello');
    await reach(() => proxy.bytes.toClient === 5);
    expect(client.bytesRead).toBe(0);
    proxy.cut();
    proxy.swallow();
    const next = await dial();
    next.write('again');
    expect(await received(next)).toBe('again');
  });

  it('delays bytes without reordering them', async () => {
    const client = await dial();
    client.write('a');
    await received(client);
    const start = performance.now();
    proxy.delay(30);
    client.write('b');
    expect(await received(client)).toBe('b');
    expect(performance.now() - start).toBeGreaterThanOrEqual(59);
  });

  it('cuts after exactly so many bytes to the client', async () => {
    const client = await dial();
    const done = proxy.cutAfter(4);
    client.write('hello');
    expect(await everything(client)).toBe('hell');
    await done;
    expect(proxy.openConnections).toBe(0);
  });

  it('leaves no connection and no listener when it is closed, and may be closed twice', async () => {
    const client = await dial();
    const failed = once(client, 'error');
    await proxy.close();
    await proxy.close();
    await failed;
    await expect(dial()).rejects.toMatchObject({code: 'ECONNREFUSED'});
  });
});

async function reach(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}
