// Other processes control the store of a server: here through JSON, and through gRPC.
import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {createTwin, serve, type ServerHandle, tenants, type Twin} from 'kvi-server';
import {startServer} from 'kvi-server/testing';
import {control, leaseGrant, leaseTimeToLive, lock, put, range} from 'kvi-wire';
import {type Client, connectClient} from './support/client.ts';

let twin: Twin;
let server: ServerHandle;
let client: Client;
beforeEach(async () => {
  twin = createTwin();
  server = await serve(twin.driver, {listen: '127.0.0.1:0', control: twin});
  client = connectClient(server.url);
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await server.close();
  await twin.driver.close();
});

const key = Buffer.from('k');
const value = Buffer.from('v');

/** As any program would. */
async function told(method: string, request: object = {}): Promise<[number, unknown]> {
  const response = await fetch(`${server.url}/kvi/control/${method}?utf8=true`, {
    method: 'POST',
    body: JSON.stringify(request),
  });
  const body = (await response.json()) as {message?: string};
  return [response.status, body.message ?? body];
}

describe('control', () => {
  it('advances the clock: leases end, in their order, and what waits for them goes on', async () => {
    const {id} = await client.call(leaseGrant, {ttl: 3_600, id: '1'});
    await client.call(leaseGrant, {ttl: 7_200, id: '2'});
    const stream = client.watch();
    stream.send({create: {key: Buffer.of(0), rangeEnd: Buffer.of(0), filters: ['noput']}});
    await stream.next();
    await client.call(lock, {name: key, lease: id});
    const second = client.call(lock, {name: key, lease: '2'});
    for (let count = 0; count < 2;) {
      ({count} = await client.call(range, {key: Buffer.from('k/'), rangeEnd: Buffer.from('k0')}));
    }
    expect(await told('Advance', {ms: 3_599_000})).toEqual([200, {}]);
    expect(await client.call(leaseTimeToLive, {id})).toMatchObject({grantedTtl: 3_600});
    expect(await told('Advance', {ms: '2000'})).toEqual([200, {}]);
    expect(String((await stream.next()).events[0]?.kv?.key)).toBe('k/1');
    expect(String((await second).key)).toBe('k/2');
    expect(await client.call(leaseTimeToLive, {id})).toMatchObject({ttl: -1});
    expect(await told('Advance', {ms: -1})).toEqual([400, 'ms must be 0 or more, not -1']);
    stream.stream.close(8);
  });

  it('plans what goes wrong', async () => {
    await told('Fault', {operation: 'txn', key: 'k', times: 1});
    expect(await client.failure(put, {key, value})).toMatchObject({code: 14});
    await client.call(put, {key, value});
    await client.call(control.fault, {effect: 'failAfterApplying', operation: 'txn', times: 1});
    expect(await client.failure(put, {key, value: Buffer.from('applied')})).toMatchObject({code: 14});
    expect(twin.store.dump()).toEqual({k: 'applied'});
    await told('Fault', {operation: 'range', code: 'KVI_PERMISSION_DENIED', prefix: 'k'});
    for (let n = 0; n < 2; n += 1) expect(await client.failure(range, {key})).toMatchObject({code: 7});
    await client.call(range, {key: Buffer.from('other')});
    await told('Lift');
    await told('Partition', {calls: 'FAIL'});
    expect(await client.failure(range, {key})).toMatchObject({code: 14});
    await told('Heal');
    await client.call(range, {key});
    expect(await told('Fault', {operation: 'rnage'})).toEqual([
      400,
      expect.stringContaining('unknown operation rnage'),
    ]);
    expect(await told('Fault', {opration: 'range'})).toEqual([400, 'unknown field "opration"']);
    expect(await told('Fault', {effect: 'NO'})).toEqual([400, 'invalid value for enum field effect: "NO"']);
    expect(await told('Fault', {code: 'NO'})).toEqual([400, expect.stringContaining('code must be one of')]);
  });

  it('ends leases, and connections of watches', async () => {
    const {id} = await client.call(leaseGrant, {ttl: 100});
    await client.call(put, {key, value, lease: id});
    await told('LoseLeases', {key: 'other'});
    expect(twin.store.dump()).toEqual({k: 'v'});
    await told('LoseLeases', {key: 'k'});
    expect(twin.store.dump()).toEqual({});
    const stream = client.watch();
    stream.send({create: {key}});
    await stream.next();
    await told('DropWatches');
    await client.call(put, {key, value});
    await told('Heal');
    expect((await stream.next()).events).toMatchObject([{kv: {value}}]);
    stream.stream.close(8);
  });

  it('takes snapshots, restores them, compacts and resets', async () => {
    await client.call(put, {key, value});
    await told('Snapshot', {name: 'seeded'});
    await client.call(put, {key, value: Buffer.from('later')});
    expect(await told('Restore', {name: 'seeded'})).toEqual([200, {}]);
    expect(twin.store.dump()).toEqual({k: 'v'});
    expect(await told('Restore', {name: 'other'})).toEqual([400, 'there is no snapshot "other"']);
    await client.call(put, {key, value: Buffer.from('2')});
    await told('Compact');
    expect(await client.failure(range, {key, revision: 2})).toMatchObject({code: 11});
    await told('Reset');
    expect(await client.call(range, {key})).toMatchObject({count: 0, header: {revision: 1}});
  });

  it('is not for those who were given a part of the store', async () => {
    const nameOf = () => 'a tenant';
    const shared = await serve(twin.driver, {
      listen: '127.0.0.1:0',
      control: twin,
      authorize: tenants(twin.driver, {nameOf}),
    });
    await using tenant = connectClient(shared.url);
    for (const method of [control.reset, control.compact, control.heal, control.dropWatches]) {
      expect(await tenant.failure(method, {})).toMatchObject({code: 7});
    }
    expect(await tenant.failure(control.advance, {ms: 1})).toMatchObject({code: 7});
    await shared.close();
  });

  it('is off unless it is asked for', async () => {
    await using other = await startServer();
    await using caller = connectClient(other.url);
    expect(await caller.failure(control.reset, {})).toMatchObject({code: 12});
    expect((await fetch(`${other.url}/kvi/control/Reset`, {method: 'POST'})).status).toBe(404);
  });
});
