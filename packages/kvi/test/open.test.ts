import {describe, expect, it} from '@jest/globals';
import {KviError, open, type OpenDriver, type OpenOptions} from 'kvi';
import {MemStore, openMemDriver} from 'kvi-mem';
import {describeWithEtcd, sharedEtcdUrl} from 'kvi-testbed';

/** @param url - what a caller without types may pass, too */
async function openError(url: unknown, options?: OpenOptions): Promise<KviError> {
  try {
    const kv = await open(url as string, options);
    await kv.close();
  } catch (error) {
    if (error instanceof KviError) return error;
    throw error;
  }
  throw new Error(`${String(url)} was opened`);
}

describe('open mem:', () => {
  it('opens the same store for the same URL, and another for another name', async () => {
    await using one = await open('mem:a');
    await using two = await open('mem:a');
    await using other = await open('mem:b');
    await one.store('key', 'value');
    expect(await two.get('key')).toBe('value');
    expect(await other.get('key')).toBeUndefined();
  });

  it('opens the store that the options give', async () => {
    const store = new MemStore();
    await using one = await open('mem:', {mem: {store}});
    await using two = await open('mem:', {mem: {store}});
    await using shared = await open('mem:');
    await one.store('key', 'value');
    expect(await two.get('key')).toBe('value');
    expect(await shared.get('key')).toBeUndefined();
  });

  it('hands the options of the handle to it', async () => {
    await using kv = await open('mem:options', {lockName: 'the-lock', maxTxnOps: 2});
    expect((await kv.distLock()).name).toBe('the-lock');
    const put = (key: string) => ({type: 'put' as const, key, value: ''});
    await expect(kv.txn({success: [put('a'), put('b'), put('c')]})).rejects.toMatchObject({
      code: 'KVI_INVALID_ARGUMENT',
    });
  });

  it('does not look at the options of another backend', async () => {
    await using kv = await open('mem:', {etcd: {username: 'root', password: 'secret'}});
    expect(await kv.get('nothing')).toBeUndefined();
  });
});

describe('open with a URL that means nothing', () => {
  it.each([
    ['is not a string', undefined, 'must be a string, not undefined'],
    ['is null', null, 'must be a string, not null'],
    ['is empty', '', 'is empty'],
    ['has no scheme', '127.0.0.1:2379', 'has no scheme'],
    ['has the scheme of nothing known', 'redis://127.0.0.1', 'no driver for "redis:"'],
    ['takes a host for a scheme', 'localhost:2379', 'no driver for "localhost:"'],
    ['is called as a property of every object', 'constructor:x', 'no driver for "constructor:"'],
    ['names no host', 'http://', 'missing host'],
    ['is more than mem: and a name', 'mem://127.0.0.1', 'names no store'],
  ])('says so when it %s', async (_what, url, message) => {
    const error = await openError(url);
    expect(error.code).toBe('KVI_INVALID_ARGUMENT');
    expect(error.message).toContain(message);
  });

  it('lists the schemes that it knows, those of further drivers too', async () => {
    const {message} = await openError('nosuch://host', {drivers: {'redis:': (url) => openMemDriver(url)}});
    for (const scheme of ['mem:', 'http:', 'https:', 'etcd:', 'etcds:', 'redis:'])
      expect(message).toContain(scheme);
  });

  it.each([
    'nosuch://user:secret@host',
    'user:secret@host',
    'secret@host',
    'http://user:secret@',
    'http://user:secret@host:99999',
    'http://user:secret@host/path',
    'http:user:secret@host',
    'http://user:secret@127.0.0.1:1',
  ])('shows no password: %s', async (url) => {
    const error = await openError(url, {timeoutMs: 500});
    expect(`${error.message} ${String(error.cause)}`).not.toContain('secret');
  });
});

describe('open with an option that means nothing', () => {
  it('names an option that does not exist', async () => {
    const misspelt = {timeoutMS: 5};
    const error = await openError('mem:', misspelt as OpenOptions);
    expect(error.code).toBe('KVI_INVALID_ARGUMENT');
    expect(error.message).toContain('timeoutMS');
  });

  it.each([
    ['options', 'mem:', null, 'options must be an object, not null'],
    ['options', 'mem:', 5_000, 'options must be an object, not number'],
    ['mem', 'mem:', {mem: null}, 'mem must be an object, not null'],
    ['etcd', 'http://127.0.0.1:1', {etcd: true}, 'etcd must be an object, not boolean'],
    ['etcd of another backend', 'mem:', {etcd: 'root'}, 'etcd must be an object, not string'],
    ['drivers', 'mem:', {drivers: 3}, 'drivers must be an object, not number'],
    ['a driver', 'mem:', {drivers: {'redis:': {}}}, 'drivers["redis:"] must be a function, not object'],
    ['username', 'http://127.0.0.1:1', {etcd: {username: 3, password: 'x'}}, 'username must be a string'],
    ['password', 'http://127.0.0.1:1', {etcd: {username: 'root', password: 3}}, 'password must be a string'],
    ['serverName', 'https://127.0.0.1:1', {etcd: {serverName: 3}}, 'serverName must be a string'],
    ['certificates', 'https://127.0.0.1:1', {etcd: {certificates: {}}}, 'certificates must be a function'],
    ['failFast', 'http://127.0.0.1:1', {etcd: {failFast: 'no'}}, 'failFast must be a boolean'],
    ['diagnosticKeys', 'http://127.0.0.1:1', {etcd: {diagnosticKeys: 1}}, 'diagnosticKeys must be a boolean'],
  ])('names %s of the wrong type, before anything is sent', async (_what, url, options, message) => {
    const error = await openError(url, options as OpenOptions);
    expect(error.code).toBe('KVI_INVALID_ARGUMENT');
    expect(error.message).toContain(message);
  });

  it('refuses a value out of bounds before anything is opened', async () => {
    const openIt: OpenDriver = () => Promise.reject(new Error('it was opened'));
    for (const bad of [{ttlSeconds: 0}, {onUnknownOutcome: 'ignore'}, {retryPolicy: {}}]) {
      const options = {...bad, drivers: {'mine:': openIt}} as OpenOptions;
      expect((await openError('mine:', options)).code).toBe('KVI_INVALID_ARGUMENT');
    }
    expect((await openError('http://127.0.0.1:1', {ttlSeconds: 0})).code).toBe('KVI_INVALID_ARGUMENT');
  });
});

describe('open with a driver of the user', () => {
  it('gives it the URL as it is and the options', async () => {
    const seen: unknown[] = [];
    const openIt: OpenDriver = (url, options) => {
      seen.push(url, options.timeoutMs);
      return openMemDriver('mem:');
    };
    await using kv = await open('REDIS://Host/0', {timeoutMs: 7, drivers: {'redis:': openIt}});
    expect(await kv.get('nothing')).toBeUndefined();
    expect(seen).toEqual(['REDIS://Host/0', 7]);
  });

  it('lets its error through', async () => {
    const reason = new KviError('KVI_UNAVAILABLE', 'out of order');
    const error = await openError('redis://host', {drivers: {'redis:': () => Promise.reject(reason)}});
    expect(error).toBe(reason);
  });

  it('makes an error of kvi of any other, without the URL', async () => {
    const reason = new Error('out of order');
    const error = await openError('redis://u:secret@host', {
      drivers: {'redis:': () => Promise.reject(reason)},
    });
    expect(error).toMatchObject({code: 'KVI_INTERNAL', cause: reason});
    expect(error.message).toBe('the driver for "redis:" failed to open; its error is the cause');
  });
});

describe('open with a driver of the user that is none', () => {
  it.each([undefined, {}, 'a driver'])('says so: %j', async (driver) => {
    const error = await openError('redis://u:secret@host', {
      drivers: {'redis:': (() => Promise.resolve(driver)) as unknown as OpenDriver},
    });
    expect(error.code).toBe('KVI_INTERNAL');
    expect(error.message).toContain('the driver for "redis:"');
    expect(error.message).not.toContain('secret');
  });
});

describeWithEtcd('open etcd', () => {
  it.each(['http', 'etcd'])('opens a handle on it with %s:', async (scheme) => {
    const url = sharedEtcdUrl().replace('http', scheme);
    const key = `kvi-open/${scheme}`;
    await using kv = await open(url);
    await kv.store(key, 'value');
    expect(await kv.get(key)).toBe('value');
    await kv.delete(key);
  });

  it('hands the options of etcd to it', async () => {
    const error = await openError(sharedEtcdUrl(), {etcd: {username: 'a user without a password'}});
    expect(error.code).toBe('KVI_INVALID_ARGUMENT');
    expect(error.message).toContain('password');
  });
});
