/** How connections end. */
import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {serve, type ServeOptions, type ServerHandle} from 'kvi-server';
import {range} from 'kvi-wire';
import {code, data, flag, frame, frameType, reset, windowUpdate} from './support/frames.ts';
import {SlowDriver, slowKey} from './support/slow-driver.ts';
import {connectRaw, expectServed, openWatch} from './support/raw-client.ts';

const key = Buffer.from('k');

let slow: SlowDriver;
let server: ServerHandle;
beforeEach(() => {
  slow = new SlowDriver();
});
afterEach(async () => {
  slow.letGo();
  await server.close();
  expect(slow.store.watchCount).toBe(0);
  await slow.close();
});

async function start(options: ServeOptions = {}): Promise<void> {
  server = await serve(slow.driver, {listen: '127.0.0.1:0', ...options});
}

describe('a connection', () => {
  it('ends when its client goes away and what is under way has ended', async () => {
    await start();
    using client = await connectRaw(server);
    const id = client.request(range, {key: slowKey});
    await client.sync();
    client.send(
      frame(frameType.goaway, 0, 0, Buffer.alloc(8)),
      frame(frameType.goaway, 0, 0, Buffer.alloc(8)),
    );
    const late = client.request(range, {key});
    client.send(data(late, Buffer.alloc(9)), reset(late), windowUpdate(late, 1));
    expect(await client.goaway()).toBe(code.none);
    await client.sync();
    slow.letGo();
    expect((await client.result(range, id)).status).toMatchObject({code: 0});
    await client.closed;
    expect(client.frames.some((each) => each.id === late)).toBe(false);
    expect(client.frames.filter(({type}) => type === frameType.goaway)).toHaveLength(1);
  });

  it('ends with its server, which answers what is under way', async () => {
    await start();
    using client = await connectRaw(server);
    using idle = await connectRaw(server);
    await idle.sync();
    const id = client.request(range, {key: slowKey});
    await client.sync();
    const closing = server.close();
    const {payload, number} = await client.frame(({type}) => type === frameType.goaway);
    expect([payload.readUInt32BE(0), number]).toEqual([id, code.none]);
    await idle.closed;
    slow.letGo();
    expect((await client.result(range, id)).status).toMatchObject({code: 0});
    await closing;
    await client.closed;
  });

  it('ends with its server, which does not wait for ever', async () => {
    await start();
    using client = await connectRaw(server);
    const id = client.request(range, {key: slowKey});
    await client.sync();
    await server.close();
    await client.closed;
    expect(client.frames.filter((each) => each.id === id)).toEqual([]);
    expect(slow.waiting).toMatchObject([{signal: {aborted: true}}]);
  });

  it('ends when there is nothing on it for a while', async () => {
    await start({limits: {idleTimeoutMs: 50}});
    using client = await connectRaw(server);
    using busy = await connectRaw(server);
    await openWatch(busy);
    expect(await client.goaway()).toBe(code.none);
    await client.closed;
    await expectServed(busy);
    expect(busy.frames.some(({type}) => type === frameType.goaway)).toBe(false);
  });

  it('ends when its client does not answer, also with streams', async () => {
    await start({limits: {keepaliveIntervalMs: 20, keepaliveTimeoutMs: 50}});
    using client = await connectRaw(server);
    await openWatch(client);
    const pinged = await client.frame(({type, flags}) => type === frameType.ping && flags === 0);
    expect(pinged.payload).toHaveLength(8);
    await client.closed;
    expect(client.frames.filter(({type, flags}) => type === frameType.ping && flags === 0)).toHaveLength(1);
  });

  it('lives while its client answers', async () => {
    await start({limits: {keepaliveIntervalMs: 10, keepaliveTimeoutMs: 5_000}});
    using client = await connectRaw(server);
    const pings = (): number =>
      client.frames.filter(({type, flags}) => type === frameType.ping && flags === 0).length;
    for (let n = 1; n <= 5; n += 1) {
      await client.frame(() => pings() >= n);
      client.send(frame(frameType.ping, flag.ack, 0, Buffer.alloc(8)));
    }
    await expectServed(client);
  });
});
