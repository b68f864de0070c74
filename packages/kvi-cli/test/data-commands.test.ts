import {randomUUID} from 'node:crypto';
import {describe, expect, it} from '@jest/globals';
import {describeWithEtcd, sharedEtcdUrl} from 'kvi-testbed';
import {runKvi} from './support/run-kvi.ts';

describe('on mem:', () => {
  dataCommandTests(() => `mem:${randomUUID()}`);
});

describeWithEtcd('on etcd', () => {
  dataCommandTests(sharedEtcdUrl);
});

function dataCommandTests(urlOf: () => string) {
  /** A store of the test's own, or a prefix of its own in a shared one, which starts every key. */
  function open() {
    const url = urlOf();
    const prefix = `kvi-cli/${randomUUID()}/`;
    const kvi = (args: readonly string[], input?: string | Uint8Array) =>
      runKvi(args, {input, env: {KVI_URL: url}});
    return {kvi, prefix, key: (name: string) => prefix + name};
  }

  it('get prints what was stored, and a newline', async () => {
    const {kvi, key} = open();
    expect(await kvi(['store', key('a'), 'b c'])).toMatchObject({exitCode: 0, stdout: '', stderr: ''});
    expect(await kvi(['get', key('a')])).toMatchObject({exitCode: 0, stdout: 'b c\n', stderr: ''});
    expect(await kvi(['get', '-n', key('a')])).toMatchObject({stdout: 'b c'});
  });

  it('get of an absent key prints nothing, and exits with 1; of an empty value it prints a newline', async () => {
    const {kvi, key} = open();
    expect(await kvi(['get', key('a')])).toMatchObject({exitCode: 1, stdout: '', stderr: ''});
    await kvi(['store', key('a'), '']);
    expect(await kvi(['get', key('a')])).toMatchObject({exitCode: 0, stdout: '\n'});
  });

  it('bytes that are not text go in and come out as they are', async () => {
    const {kvi, key} = open();
    const bytes = Buffer.from([0, 0xff, 0xfe, 0x0a, 0x80]);
    await kvi(['store', key('a'), '-'], bytes);
    expect((await kvi(['get', '-n', key('a')])).bytes).toEqual(bytes);
    expect(JSON.parse((await kvi(['get', key('a'), '--json'])).stdout)).toMatchObject({
      value: {base64: bytes.toString('base64')},
    });
  });

  it('get reads the store as it was at a revision', async () => {
    const {kvi, key} = open();
    await kvi(['store', key('a'), 'old']);
    const {modRevision} = JSON.parse((await kvi(['get', key('a'), '--json'])).stdout) as {
      modRevision: number;
    };
    await kvi(['store', key('a'), 'new']);
    expect(await kvi(['get', key('a'), '--revision', String(modRevision)])).toMatchObject({stdout: 'old\n'});
    expect(await kvi(['get', key('a'), '--revision', '999999999'])).toMatchObject({
      exitCode: 106,
      stdout: '',
      stderr: expect.stringContaining('KVI_FUTURE_REVISION'),
    });
  });

  it('range names keys by their ends, their prefix or their beginning', async () => {
    const {kvi, key, prefix} = open();
    for (const name of ['a', 'b', 'c']) await kvi(['store', key(name), name.toUpperCase()]);
    const lines = (...names: string[]) => names.map((n) => `${key(n)}\t${n.toUpperCase()}\n`).join('');
    expect((await kvi(['range', key('a'), key('c')])).stdout).toBe(lines('a', 'b'));
    expect((await kvi(['range', key('b')])).stdout).toBe(lines('b'));
    expect((await kvi(['range', '--prefix', prefix])).stdout).toBe(lines('a', 'b', 'c'));
    expect((await kvi(['range', '--from-key', key('b'), '--limit', '2'])).stdout).toBe(lines('b', 'c'));
    expect((await kvi(['range', '--all'])).stdout).toContain(lines('a', 'b', 'c'));
    expect((await kvi(['range', '--prefix', prefix, '--reverse', '--limit', '2'])).stdout).toBe(
      lines('c', 'b'),
    );
    expect((await kvi(['range', '--prefix', prefix, '--keys-only', '--limit', '1'])).stdout).toBe(
      `${key('a')}\n`,
    );
    expect((await kvi(['range', '--prefix', prefix, '--count-only'])).stdout).toBe('3\n');
    expect(await kvi(['range', '--prefix', key('x')])).toMatchObject({exitCode: 0, stdout: ''});
  });

  it('range prints more keys than a page has, and as many as --limit says', async () => {
    const {kvi, prefix, key} = open();
    const names = Array.from({length: 700}, (_, at) => key(String(at).padStart(3, '0')));
    await kvi(['batch', '-'], names.map((name) => `store ${name} 1\n`).join(''));
    const range = async (...args: string[]) =>
      (await kvi(['range', '--prefix', prefix, '--keys-only', ...args])).stdout.trim().split('\n');
    expect(await range()).toEqual(names);
    expect(await range('--limit', '0')).toEqual(names);
    expect(await range('--limit', '600')).toEqual(names.slice(0, 600));
    expect(await range('--limit', '600', '--reverse')).toEqual(names.toReversed().slice(0, 600));
  });

  it('in JSON, range writes a key-value a line', async () => {
    const {kvi, key, prefix} = open();
    await kvi(['store', key('a'), 'é']);
    await kvi(['store', key('b'), '']);
    const [first, second, rest] = (await kvi(['range', '--prefix', prefix, '--json'])).stdout.split('\n');
    const history = {
      createRevision: expect.any(Number),
      modRevision: expect.any(Number),
      version: 1,
      lease: '0',
    };
    expect(JSON.parse(first ?? '')).toEqual({key: key('a'), value: 'é', ...history});
    expect(JSON.parse(second ?? '')).toEqual({key: key('b'), value: '', ...history});
    expect(rest).toBe('');
    const keysOnly = await kvi(['range', key('a'), '--keys-only', '--json']);
    expect(JSON.parse(keysOnly.stdout)).toEqual({key: key('a'), ...history});
    const count = await kvi(['range', '--prefix', prefix, '--count-only', '--json']);
    expect(JSON.parse(count.stdout)).toEqual({count: 2, revision: expect.any(Number)});
  });

  it('delete prints how many keys there were; none is no failure', async () => {
    const {kvi, key, prefix} = open();
    for (const name of ['a', 'b', 'c']) await kvi(['store', key(name), '']);
    expect(await kvi(['delete', key('a')])).toMatchObject({exitCode: 0, stdout: '1\n'});
    expect(await kvi(['delete', key('a')])).toMatchObject({exitCode: 0, stdout: '0\n'});
    expect(await kvi(['delete', '--prefix', prefix, '--json'])).toMatchObject({stdout: '{"deleted":2}\n'});
  });

  it('delete refuses an empty prefix, which an unset variable would make of it', async () => {
    const {kvi, key} = open();
    await kvi(['store', key('a'), 'kept']);
    expect(await kvi(['delete', '--prefix', ''])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--all'),
    });
    expect(await kvi(['get', key('a')])).toMatchObject({stdout: 'kept\n'});
  });

  it('tas sets a key that holds the test, and exits with 1 otherwise', async () => {
    const {kvi, key} = open();
    expect(await kvi(['tas', key('a'), 'x', 'y'])).toMatchObject({
      exitCode: 1,
      stdout: 'false\n',
      stderr: '',
    });
    expect(await kvi(['tas', '--absent', key('a'), 'x'])).toMatchObject({exitCode: 0, stdout: 'true\n'});
    expect(await kvi(['tas', key('a'), 'z', '--absent'])).toMatchObject({exitCode: 1, stdout: 'false\n'});
    expect(await kvi(['tas', key('a'), 'x', '-', '--json'], 'y')).toMatchObject({
      exitCode: 0,
      stdout: '{"succeeded":true}\n',
    });
    expect(await kvi(['get', key('a')])).toMatchObject({stdout: 'y\n'});
  });

  it('transaction sets one key or the other, and exits with 1 for the other', async () => {
    const {kvi, key} = open();
    const args = [key('a'), '=', '1', key('then'), 'T', key('else'), 'E'];
    expect(await kvi(['transaction', ...args])).toMatchObject({exitCode: 1, stdout: 'false\n'});
    expect(await kvi(['get', key('else')])).toMatchObject({stdout: 'E\n'});
    await kvi(['store', key('a'), '1']);
    expect(await kvi(['transaction', ...args])).toMatchObject({exitCode: 0, stdout: 'true\n'});
    expect(await kvi(['get', key('then')])).toMatchObject({stdout: 'T\n'});
  });

  it('watch prints past and future changes from a revision on, so many as asked for', async () => {
    const {kvi, key, prefix} = open();
    await kvi(['store', key('a'), '1']);
    const {modRevision} = JSON.parse((await kvi(['get', key('a'), '--json'])).stdout) as {
      modRevision: number;
    };
    const watch = ['watch', '--prefix', prefix, '--from-revision', String(modRevision), '--count', '3'];
    const watching = kvi(watch);
    await kvi(['store', key('b'), '2']);
    await kvi(['delete', key('a')]);
    expect(await watching).toMatchObject({
      exitCode: 0,
      stdout: `put\t${key('a')}\t1\nput\t${key('b')}\t2\ndelete\t${key('a')}\n`,
      stderr: '',
    });
    const documents = (await kvi([...watch, '--json'])).stdout.trim().split('\n');
    expect(documents.map((document) => JSON.parse(document) as unknown)).toMatchObject([
      {type: 'put', key: key('a'), value: '1', modRevision, version: 1},
      {type: 'put', key: key('b'), value: '2'},
      {type: 'delete', key: key('a'), modRevision: expect.any(Number)},
    ]);
  });
}
