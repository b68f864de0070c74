// JSON over HTTP/1.1, beside an etcd's gateway: the same requests, the same responses, field by field but for ids.
import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {serve} from 'kvi-server';
import {startServer, type TestServer} from 'kvi-server/testing';
import {createAuthority, describeWithEtcd, type Etcd, startEtcd} from 'kvi-testbed';
import {execFile} from 'node:child_process';
import {once} from 'node:events';
import {request} from 'node:http';
import {connect} from 'node:http2';
import {promisify} from 'node:util';

let etcd: Etcd;
let server: TestServer;
beforeEach(async () => {
  // What the gateway of the etcd of tests has, which has a short election, and with it a short minimum TTL.
  const storeOptions = {minTtlSeconds: 1};
  [etcd, server] = await Promise.all([
    startEtcd(),
    startServer({storeOptions, limits: {minLeaseTtlSeconds: 1}}),
  ]);
});
afterEach(() => Promise.all([etcd.stop(), server.close()]));

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const [a, b, c] = ['a', 'b', 'c'].map(base64);

interface Reply {
  status: number;
  type: string | null;
  body: unknown;
}

async function post(url: string, path: string, body: string | object): Promise<Reply> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const type = response.headers.get('content-type');
  return {
    status: response.status,
    type,
    body: type === 'application/json' && text !== '' ? parse(text) : text,
  };
}

function parse(text: string): unknown {
  const values = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  return text.endsWith('\n') ? values : values[0];
}

/** Which cluster it is, and what it chose. */
const own = new Set(['cluster_id', 'member_id', 'raft_term']);

function masked(reply: unknown): unknown {
  return JSON.parse(JSON.stringify(reply), (field, value: unknown) => {
    if (own.has(field)) return 'ID';
    // The message again, from gateways before 3.5.30.
    return field === 'error' && typeof value === 'string' ? undefined : value;
  });
}

/** Sends the same to both, and compares the replies. */
async function same(path: string, body: string | object): Promise<unknown> {
  const [expected, actual] = await Promise.all([post(etcd.url, path, body), post(server.url, path, body)]);
  const [of, by] = [expected, actual].map((reply) => ({...reply, body: masked(reply.body)}));
  expect({path, sent: body, ...by}).toEqual({path, sent: body, ...of});
  return actual.body;
}

describeWithEtcd('the gateway', () => {
  it('puts, reads and deletes', async () => {
    await same('/v3/kv/put', {key: a, value: base64('1')});
    await same('/v3/kv/put', {key: a, value: base64('2'), prev_kv: true});
    await same('/v3/kv/put', {key: b, prevKv: true, value: null});
    await same('/v3beta/kv/put', {key: c, value: base64('\u{1f600}')});
    await same('/v3/kv/put', {key: a, ignore_value: true});
    await same('/v3/kv/range', {key: a});
    await same('/v3/kv/range', {key: base64('absent')});
    const all = {key: 'AA==', range_end: 'AA=='};
    await same('/v3/kv/range', all);
    await same('/v3/kv/range', {...all, limit: '2', sort_order: 'DESCEND', sort_target: 'MOD'});
    await same('/v3/kv/range', {...all, limit: 2, sort_order: 2, sort_target: 3});
    await same('/v3/kv/range', {...all, count_only: true});
    await same('/v3/kv/range', {...all, keys_only: true, serializable: true});
    await same('/v3/kv/range', {...all, revision: '3', min_mod_revision: '2'});
    await same('/v3/kv/range', {...all, max_create_revision: 3});
    await same('/v3/kv/deleterange', {key: a, prev_kv: true});
    await same('/v3/kv/deleterange', {key: base64('absent')});
    await same('/v3/kv/compaction', {revision: '3', physical: true});
  });

  it('runs transactions', async () => {
    await same('/v3/kv/put', {key: a, value: base64('1')});
    await same('/v3/kv/txn', {
      compare: [
        {key: a, target: 'VALUE', result: 'EQUAL', value: base64('1')},
        {key: a, target: 'VERSION', result: 'GREATER', version: '0'},
        {key: a, target: 'CREATE', result: 'NOT_EQUAL', create_revision: 0},
        {key: a, target: 2, result: 2, modRevision: '99'},
        {key: a, target: 'LEASE', lease: '0'},
      ],
      success: [
        {request_put: {key: b, value: base64('2'), prev_kv: true}},
        {request_range: {key: 'AA==', range_end: 'AA=='}},
        {requestTxn: {success: [{request_delete_range: {key: a, prev_kv: true}}]}},
      ],
      failure: [{request_range: {key: c}}],
    });
    await same('/v3/kv/txn', {
      compare: [{key: a, target: 'VERSION', version: 7}],
      failure: [{request_range: {key: b}}],
    });
    await same('/v3/kv/txn', {});
  });

  it('refuses in the words of etcd', async () => {
    await same('/v3/kv/put', {});
    await same('/v3/kv/put', '');
    await same('/v3/kv/put', {key: a, lease: '1'});
    await same('/v3/kv/put', {key: a, lease: -1});
    await same('/v3/kv/range', {key: a, revision: 99});
    await same('/v3/kv/txn', {success: [{}]});
    await same('/v3/kv/txn', {success: [{request_put: {key: a}}, {request_put: {key: a}}]});
    await same('/v3/kv/compaction', {revision: '99'});
    await same('/v3/lease/revoke', {ID: '99'});
    await same('/v3/election/proclaim', {value: a});
    await same('/v3/election/leader', {name: a});
    // Of what is not there, gateways tell in various ways.
    for (const path of ['/v3/no/such/path', '/v3/kv/range/', '/v3alpha/kv/range']) {
      const [of, by] = await Promise.all([etcd, server].map(({url}) => post(url, path, {})));
      expect([path, by?.status]).toEqual([path, of?.status]);
    }
  });

  it('ignores fields that a message does not have, as an etcd does', async () => {
    await same('/v3/kv/put', {key: a, value: base64('1'), nosuch: {deep: [1, {er: null}]}});
    // Names are case-sensitive.
    await same('/v3/kv/put', {key: a, Value: base64('2'), Key: b});
    await same('/v3/kv/txn', {
      compare: [{key: a, target: 'VERSION', version: '2', nosuch: 1}],
      success: [{requestPut: {key: a, nosuch: true}}],
      nosuch: [],
    });
    await same('/v3/kv/txn', {success: [{request_nosuch: {key: a}}]});
    await same('/v3/lease/grant', {TTL: '10', ttl: '20', ID: '7', id: '8'});
    await same('/v3/kv/range', {key: a, nosuch: null});
  });

  it('grants, shows and revokes leases', async () => {
    await same('/v3/lease/grant', {TTL: 100, ID: '77'});
    await same('/v3/lease/grant', {TTL: '100', ID: '-5'});
    await same('/v3/kv/put', {key: a, lease: '77'});
    await same('/v3/kv/put', {key: b, lease: -5});
    await same('/v3/kv/range', {key: a, range_end: c});
    for (const prefix of ['/v3/lease', '/v3/kv/lease']) {
      const [of, by] = await Promise.all(
        [etcd, server].map(({url}) => post(url, `${prefix}/timetolive`, {ID: '77', keys: true})),
      );
      const {TTL, ...rest} = masked(by?.body) as {TTL: string};
      expect(Number(TTL)).toBeGreaterThan(95);
      expect(rest).toEqual({...(masked(of?.body) as object), TTL: undefined});
    }
    await same('/v3/lease/timetolive', {ID: '99'});
    await same('/v3/lease/keepalive', '{"ID":"77"} {"ID":"99"}\n{"ID":-5}');
    await same('/v3/lease/revoke', {ID: '-5'});
    await same('/v3/lease/leases', {});
    await same('/v3/kv/lease/revoke', {ID: '77'});
    await same('/v3/kv/lease/leases', '');
  });

  it('locks and elects', async () => {
    await same('/v3/lease/grant', {TTL: 100, ID: '77'});
    await same('/v3/lock/lock', {name: a, lease: '77'});
    await same('/v3/lock/unlock', {key: base64('a/4d')});
    await same('/v3/election/campaign', {name: b, lease: '77', value: c});
    await same('/v3/election/leader', {name: b});
    const leader = {name: b, key: base64('b/4d'), rev: '4', lease: '77'};
    await same('/v3/election/proclaim', {leader, value: a});
    await same('/v3/election/resign', {leader});
  });

  it('tells who serves', async () => {
    const told = await Promise.all(
      [etcd, server].flatMap(({url}) =>
        ['cluster/member/list', 'maintenance/status'].map((path) => post(url, `/v3/${path}`, {})),
      ),
    );
    const [members, status, ownMembers, ownStatus] = told.map(({body}) => kinds(body));
    expect(ownMembers).toEqual(members);
    expect(ownStatus).toMatchObject(status as object);
    await same('/v3/maintenance/defragment', {});
  });

  it('watches', async () => {
    await same('/v3/kv/put', {key: a, value: base64('1')});
    await same('/v3/kv/put', {key: a, value: base64('2')});
    const stop = await Promise.all([
      sameLines('{"create_request":{"key":"YQ==","start_revision":"2","prev_kv":true}}', 2),
      sameLines('{"create_request":{"key":"Yg==","watch_id":7}}{"cancel_request":{"watch_id":"7"}}', 2),
      sameLines('{"create_request":{"key":"YQ==","range_end":"YQ=="}}', 1),
      sameLines(
        '{"create_request":{"key":"YQ==","filters":["NODELETE"]}}{"create_request":{"key":"YQ=="}}',
        2,
      ),
    ]);
    await same('/v3/kv/deleterange', {key: a});
    await stop[0]?.(1);
    await stop[3]?.(1);
    await same('/v3/kv/compaction', {revision: '4'});
    const compacted = await sameLines('{"create_request":{"key":"YQ==","start_revision":"1"}}', 1);
    for (const rest of [...stop, compacted]) await rest(0);
  });
});

/** Watches on both, and compares so many lines. Returns what compares more of them; none: what ends the streams. */
async function sameLines(requests: string, count: number): Promise<(count: number) => Promise<void>> {
  // An etcd waits for the end of the requests before it responds.
  const streams = await Promise.all([etcd, server].map(({url}) => openWatch(url, requests, {isAll: true})));

  async function compare(more: number): Promise<void> {
    const [of, by] = await Promise.all(streams.map((stream) => stream.take(more)));
    expect(masked(by)).toEqual(masked(of));
    if (more > 0) return;
    for (const stream of streams) stream.close();
  }

  await compare(count);
  return compare;
}

/** What kind each field is of. */
function kinds(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value;
  if (Array.isArray(value)) return value.map(kinds);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, kinds(field)]));
}

interface Lines {
  take(count: number): Promise<unknown[]>;
  send: (text: string) => void;
  end: () => void;
  close: () => void;
}

/** Sends the beginning of a stream of requests, and reads its lines. */
async function openWatch(url: string, first: string, {isAll = false} = {}): Promise<Lines> {
  const call = request(`${url}/v3/watch`, {method: 'POST'});
  call.on('error', () => undefined);
  if (isAll) call.end(first);
  else call.write(first);
  const [response] = (await once(call, 'response')) as [AsyncIterable<Buffer> & NodeJS.EventEmitter];
  response.on('error', () => undefined);
  const lines = (async function* () {
    let rest = '';
    for await (const piece of response) {
      const parts = `${rest}${piece.toString()}`.split('\n');
      rest = parts.pop() ?? '';
      yield* parts.map((line) => JSON.parse(line) as unknown);
    }
  })();
  return {
    async take(count) {
      const taken: unknown[] = [];
      while (taken.length < count) taken.push((await lines.next()).value);
      return taken;
    },
    send: (text) => void call.write(text),
    end: () => void call.end(),
    close: () => void call.destroy(),
  };
}

async function curl(...args: string[]): Promise<string> {
  const {stdout} = await promisify(execFile)('curl', ['-s', ...args]);
  return stdout;
}

describe('JSON', () => {
  it.each([
    ['no object', '/v3/kv/put', [], 'expected an object, not []'],
    ['bytes that are not in base64', '/v3/kv/put', {key: '!'}, 'invalid value for bytes field key: "!"'],
    ['a number for bytes', '/v3/kv/put', {key: 1}, 'invalid value for bytes field key: 1'],
    ['text for a boolean', '/v3/kv/put', {prev_kv: 'true'}, 'invalid value for bool field prev_kv: "true"'],
    ['a fraction', '/v3/kv/range', {limit: 1.5}, 'invalid value for int64 field limit: 1.5'],
    [
      'too long a number',
      '/v3/kv/range',
      '{"limit": 9223372036854775808}',
      'invalid value for int64 field limit: 9223372036854775808',
    ],
    [
      'a long number for bytes',
      '/v3/kv/range',
      '{"key": 1234567890123456789}',
      'invalid value for bytes field key: 1234567890123456789',
    ],
    [
      'too large a number',
      '/v3/kv/range',
      {limit: '9223372036854775808'},
      'invalid value for int64 field limit: "9223372036854775808"',
    ],
    [
      'neither name nor number',
      '/v3/kv/range',
      {sort_order: {}},
      'invalid value for enum field sort_order: {}',
    ],
    ['one of many', '/v3/kv/txn', {success: {}}, 'invalid value for message field success: {}'],
    ['null among many', '/v3/kv/txn', {success: [null]}, 'expected an object, not null'],
  ])('with %s is refused by name', async (_, path, body, message) => {
    const failure = {status: 400, type: 'application/json', body: {error: message, message, code: 3}};
    expect(await post(server.url, path, body)).toEqual(failure);
  });

  it('may have a number that is longer than JavaScript keeps it, as the id of a lease', async () => {
    const ID = '7639924992646357043';
    const grant = `{"TTL": 100, "ID": ${ID}}`;
    expect(await post(server.url, '/v3/lease/grant', grant)).toMatchObject({body: {ID}});
    const put = await post(server.url, '/v3/kv/put', `{"key": "YQ==", "lease": ${ID}}`);
    expect(put).toMatchObject({status: 200});
    const kept = await post(server.url, '/v3/lease/keepalive', `{"ID": ${ID}}`);
    expect(kept.body).toMatchObject([{result: {ID, TTL: '100'}}]);
  });

  it('with the name of no choice is as if without it, as from etcd 3.5 on', async () => {
    const all = {key: 'AA==', range_end: 'AA==', sort_order: 'UP'};
    expect(await post(server.url, '/v3/kv/range', all)).toMatchObject({status: 200});
    const create_request = {key: a, filters: ['NOSUCH', 'NOPUT']};
    const watch = await openWatch(server.url, JSON.stringify({create_request}), {isAll: true});
    await watch.take(1);
    await post(server.url, '/v3/kv/put', {key: a});
    await post(server.url, '/v3/kv/deleterange', {key: a});
    expect(await watch.take(1)).toMatchObject([{result: {events: [{type: 'DELETE'}]}}]);
    watch.close();
  });

  it('in a stream may have text with quotes and braces', async () => {
    const watch = await openWatch(server.url, '{"create_request":{"key":"e30="},"nosuch":"}\\\\\\"{"}', {
      isAll: true,
    });
    expect(await watch.take(1)).toMatchObject([{result: {created: true}}]);
    watch.close();
  });

  it('that is none, or has no end, is refused', async () => {
    for (const body of ['nonsense', '{"key":"YQ=="', '{"key":"YQ=="} x']) {
      expect(await post(server.url, '/v3/kv/put', body)).toMatchObject({status: 400, body: {code: 3}});
    }
    const deep = `${'{"success":[{"request_txn":'.repeat(50_000)}{}${'}]}'.repeat(50_000)}`;
    const {status} = await post(server.url, '/v3/kv/txn', deep);
    expect(status).toBeGreaterThanOrEqual(400);
    const large = await post(server.url, '/v3/kv/put', {key: a, value: 'A'.repeat(6_000_000)});
    expect(large).toMatchObject({status: 400, body: {message: expect.stringContaining('request too large')}});
    expect(await post(server.url, '/v3/kv/range', {key: a})).toMatchObject({status: 200});
  });

  it('is told and taken as text', async () => {
    const put = {key: 'ключ', value: 'värde \u{1f600}'};
    expect(await post(server.url, '/v3/kv/put?utf8=true', put)).toMatchObject({status: 200});
    expect(await post(server.url, '/v3/kv/range?utf8=true', {key: 'ключ'})).toMatchObject({
      body: {kvs: [{...put, create_revision: '2', version: '1'}], count: '1'},
    });
    expect(server.store.dump()).toEqual({[put.key]: put.value});
    await post(server.url, '/v3/kv/put', {key: a, value: '/w=='});
    const message = 'value is not UTF-8; leave out utf8=true';
    expect(await post(server.url, '/v3/kv/range?utf8=true', {key: 'a'})).toMatchObject({
      status: 400,
      body: {message},
    });
    expect(await post(server.url, '/v3/kv/put?utf8=true', '{"key":"\\ud800"}')).toMatchObject({
      status: 400,
      body: {message: 'invalid value for bytes field key: "\\ud800"'},
    });
    expect(await post(server.url, '/v3/kv/put?utf8=yes', {})).toMatchObject({
      status: 400,
      body: {message: 'utf8 must be true or false, not yes'},
    });
  });

  it('is served for each path of etcd, and names what to use instead of what is not there', async () => {
    for (const path of [
      'auth/user/add',
      'cluster/member/add',
      'maintenance/snapshot',
      'maintenance/downgrade',
    ]) {
      expect(await post(server.url, `/v3/${path}`, {name: 'x'})).toMatchObject({
        status: 501,
        body: {code: 12, message: expect.stringMatching(/^kvi-server: .* is not implemented; /)},
      });
    }
    expect(await post(server.url, '/v3/auth/status', {})).toMatchObject({
      status: 200,
      body: {authRevision: '1'},
    });
    expect(await post(server.url, '/v3/auth/authenticate', {name: 'a'})).toMatchObject({
      status: 400,
      body: {code: 9},
    });
    await post(server.url, '/v3/kv/put', {key: a});
    const {body} = await post(server.url, '/v3/maintenance/hashkv', {});
    expect(body).toMatchObject({hash: expect.any(Number), compact_revision: '-1'});
    expect((await fetch(`${server.url}/v3/kv/range`)).status).toBe(405);
  });

  it('is what curl sends and prints', async () => {
    await curl(`${server.url}/v3/kv/put?utf8=true`, '-d', '{"key": "greeting", "value": "hello"}');
    const answer = await curl(`${server.url}/v3/kv/range`, '-X', 'POST', '-d', '{"key": "Z3JlZXRpbmc="}');
    expect(JSON.parse(answer)).toMatchObject({kvs: [{key: 'Z3JlZXRpbmc=', value: 'aGVsbG8='}], count: '1'});
    const overHttp2 = await curl(
      '--http2-prior-knowledge',
      `${server.url}/v3/kv/range`,
      '-d',
      '{"key": "Z3JlZXRpbmc="}',
    );
    expect(JSON.parse(overHttp2)).toEqual(JSON.parse(answer));
    expect(await curl('--http2-prior-knowledge', `${server.url}/health`)).toBe(
      '{"health":"true","reason":""}\n',
    );
  });

  it('ends a stream whose requests make no sense with an error, and one that is left behind', async () => {
    const stream = await openWatch(server.url, '{"create_request":{}}');
    await stream.take(1);
    stream.send('{"create_request":5}');
    const error = {
      grpc_code: 3,
      http_code: 400,
      http_status: 'Bad Request',
      message: 'expected an object, not 5',
    };
    expect(await stream.take(1)).toEqual([{error}]);
    expect(await post(server.url, '/v3/watch', 'x')).toMatchObject({status: 400, body: {code: 3}});
    const other = await openWatch(server.url, '{"create_request":{}}');
    await other.take(1);
    other.close();
    while (server.store.watchCount > 0) await post(server.url, '/v3/kv/range', {key: a});
  });

  it('is not answered to a client that takes no responses', async () => {
    await using small = await startServer({limits: {maxUnreadBytes: 1_000_000}});
    await post(small.url, '/v3/kv/put', {key: a, value: 'A'.repeat(1_000_000)});
    const session = connect(small.url);
    const ask = (key = a) => {
      const call = session.request({':method': 'POST', ':path': '/v3/kv/range'});
      call.end(JSON.stringify({key}));
      return call;
    };
    const stalled = Array.from({length: 12}, () => ask().pause());
    let status: unknown;
    while (status !== 429) {
      const call = ask(b);
      const [headers] = (await once(call, 'response')) as [Record<string, unknown>];
      status = headers[':status'];
      call.resume();
    }
    for (const call of stalled) call.close();
    session.destroy();
  });

  it('goes on to tell of events when the request has ended', async () => {
    const stream = await openWatch(server.url, '{"create_request":{"key":"YQ=="}}');
    await stream.take(1);
    stream.end();
    await post(server.url, '/v3/kv/put', {key: a, value: b});
    expect(await stream.take(1)).toMatchObject([{result: {events: [{kv: {value: b}}]}}]);
    stream.close();
  });

  it('waits for a lock, and ends with the server', async () => {
    await post(server.url, '/v3/lease/grant', {TTL: 100, ID: '1'});
    await post(server.url, '/v3/lease/grant', {TTL: 100, ID: '2'});
    await post(server.url, '/v3/lock/lock', {name: a, lease: '1'});
    const waiting = post(server.url, '/v3/lock/lock', {name: a, lease: '2'});
    const stream = await openWatch(server.url, '{"create_request":{}}');
    await stream.take(1);
    for (let count: unknown; count !== '1';) {
      const {body} = await post(server.url, '/v3/kv/range', {key: base64('a/2')});
      ({count} = body as {count?: string});
    }
    await server.close();
    expect(await waiting).toMatchObject({
      status: 503,
      body: {code: 14, message: 'etcdserver: server stopped'},
    });
    expect(await stream.take(1)).toMatchObject([{error: {grpc_code: 14, http_code: 503}}]);
  });
});

describe('authorize', () => {
  it('is asked for calls in JSON, too, by the name of the call', async () => {
    const asked: unknown[] = [];
    const driver = server.store.driver();
    const guarded = await serve(driver, {
      listen: '127.0.0.1:0',
      authorize({method, metadata}) {
        asked.push([method, metadata['user']]);
        if (metadata['user'] !== 'me') throw new Error('no');
        return driver;
      },
    });
    expect(await post(guarded.url, '/v3/kv/range', {key: a})).toMatchObject({
      status: 403,
      body: {code: 7, message: 'etcdserver: permission denied'},
    });
    const headers = {'grpc-metadata-user': 'me'};
    const answer = await fetch(`${guarded.url}/v3/kv/range`, {
      method: 'POST',
      body: JSON.stringify({key: a}),
      headers,
    });
    expect(answer.status).toBe(200);
    expect(asked).toEqual([
      ['/etcdserverpb.KV/Range', undefined],
      ['/etcdserverpb.KV/Range', 'me'],
    ]);
    await guarded.close();
    await driver.close();
  });

  it('may take so long that the client is gone, for whom nothing is begun', async () => {
    const driver = server.store.driver();
    let decide = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      decide = resolve;
    });
    let onAsked = (): void => undefined;
    const pending = new Promise<void>((resolve) => (onAsked = resolve));
    const slow = await serve(driver, {
      listen: '127.0.0.1:0',
      async authorize({metadata}) {
        if (metadata['who'] === 'gone') {
          onAsked();
          await asked;
        }
        return driver;
      },
    });
    const gone = request(`${slow.url}/v3/watch`, {method: 'POST', headers: {who: 'gone'}});
    gone.on('error', () => undefined);
    gone.end('{"create_request":{}}');
    await pending;
    gone.destroy();
    // The server hears of it before it answers another.
    await post(slow.url, '/v3/kv/range', {key: a});
    decide();
    do await post(slow.url, '/v3/kv/range', {key: a});
    while (server.store.watchCount > 0);
    await slow.close();
    await driver.close();
  });

  it('is shown the certificate of the client, over either version of HTTP', async () => {
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
    const credentials = [
      '--cacert',
      authority.root.certFile,
      '--cert',
      theirs.certFile,
      '--key',
      theirs.keyFile,
    ];
    for (const version of ['--http1.1', '--http2']) {
      const answer = await curl(
        ...credentials,
        version,
        `${secure.url}/v3/kv/range`,
        '-d',
        '{"key": "YQ=="}',
      );
      expect(JSON.parse(answer)).toMatchObject({header: {revision: '1'}});
    }
    expect(names).toEqual(['client-7', 'client-7']);
    await secure.close();
    await driver.close();
  });
});
