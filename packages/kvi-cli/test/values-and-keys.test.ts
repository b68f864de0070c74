import {randomUUID} from 'node:crypto';
import {mkdtemp, readdir, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from '@jest/globals';
import {describeWithEtcd, sharedEtcdUrl} from 'kvi-testbed';
import {nextRevision, runKvi} from './support/run-kvi.ts';
import {runScript} from './support/run-script.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kvi-values-'));
});
afterAll(() => rm(folder, {recursive: true}));

describe('on mem:', () => {
  valueTests(() => `mem:${randomUUID()}`);
});

describeWithEtcd('on etcd', () => {
  valueTests(sharedEtcdUrl);

  it('get -o leaves the file as it was when the disk is full, and says so', async () => {
    const key = `kvi-cli/${randomUUID()}`;
    const result = await runScript(
      `head -c 100000 /dev/zero | kvi store ${key} -
       for out in "-o /dev/full" "--raw"; do
         code=0; kvi get ${key} $out > /dev/full || code=$?; echo $code
       done
       kvi get ${key} --json 2> error > /dev/full || sed 's/"message.*//' error`,
      {KVI_URL: sharedEtcdUrl()},
    );
    expect(result).toMatchObject({exitCode: 0, stdout: '100\n100\n{"error":{"code":"ENOSPC",\n'});
    expect(result.stderr).toMatch(/^(kvi: ENOSPC: no space left on device, write\. Check the disk .*\n){2}$/);
  });
});

function valueTests(urlOf: () => string) {
  function open() {
    const url = urlOf();
    const prefix = `kvi-cli/${randomUUID()}/`;
    const kvi = (args: readonly string[], input?: string | Uint8Array) =>
      runKvi(args, {input, env: {KVI_URL: url}});
    return {url, kvi, prefix, key: (name: string) => prefix + name, file: () => join(folder, randomUUID())};
  }

  it('a value may come from a file, and go back to one, byte for byte', async () => {
    const {kvi, key, file} = open();
    const bytes = Buffer.from([0, 0xff, 0x0a, 0x80]);
    const [from, to] = [file(), file()];
    await writeFile(from, bytes);
    expect(await kvi(['store', key('a'), `@${from}`])).toMatchObject({exitCode: 0, stderr: ''});
    expect(await kvi(['get', key('a'), '-o', to])).toMatchObject({exitCode: 0, stdout: '', stderr: ''});
    expect(await readFile(to)).toEqual(bytes);
    expect((await kvi(['get', key('a'), '--raw'])).bytes).toEqual(bytes);
  });

  it('a value that begins with @ has another in front of it', async () => {
    const {kvi, key} = open();
    await kvi(['store', key('a'), '@@daily']);
    expect(await kvi(['get', key('a')])).toMatchObject({stdout: '@daily\n'});
    expect(await kvi(['store', key('a'), '@daily'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('cannot read daily'),
    });
  });

  it('tas takes both of its values from files', async () => {
    const {kvi, key, file} = open();
    const [test, value] = [file(), file()];
    await Promise.all([writeFile(test, 'old'), writeFile(value, 'new')]);
    await kvi(['store', key('a'), 'old']);
    expect(await kvi(['tas', key('a'), `@${test}`, `@${value}`])).toMatchObject({stdout: 'true\n'});
    expect(await kvi(['get', key('a')])).toMatchObject({stdout: 'new\n'});
    expect(await kvi(['tas', key('a'), '-', '-'])).toMatchObject({exitCode: 2});
  });

  it('get -o keeps the old file, and leaves nothing beside it, when there is no such key', async () => {
    const {kvi, key} = open();
    const own = await mkdtemp(join(folder, 'own-'));
    const [to, link] = [join(own, 'f'), join(own, 'link')];
    await writeFile(to, 'old');
    await symlink(to, link);
    expect(await kvi(['get', key('a'), '-o', to])).toMatchObject({exitCode: 1});
    expect(await readFile(to, 'utf8')).toBe('old');
    await kvi(['store', key('a'), 'new']);
    expect(await kvi(['get', key('a'), '-o', link])).toMatchObject({exitCode: 0});
    expect(await readFile(to, 'utf8')).toBe('new');
    expect((await readdir(own)).sort()).toEqual(['f', 'link']);
    expect(await kvi(['get', key('a'), '-o', join(own, 'no/such')])).toMatchObject({exitCode: 2});
  });

  it('keys are text, hex: or base64:', async () => {
    const {kvi, key, prefix} = open();
    const hex = (bytes: string) => `hex:${Buffer.from(bytes).toString('hex')}`;
    await kvi(['store', hex(key('a\nb')), '1']);
    expect(await kvi(['get', `base64:${Buffer.from(key('a\nb')).toString('base64')}`])).toMatchObject({
      stdout: '1\n',
    });
    expect(await kvi(['count', '--prefix', hex(prefix).toUpperCase().replace('HEX', 'hex')])).toMatchObject({
      stdout: '1\n',
    });
    const binary = `${hex(key('x'))}ff`;
    await kvi(['store', binary, '2']);
    expect(JSON.parse((await kvi(['get', binary, '--json'])).stdout)).toMatchObject({
      key: {base64: expect.any(String)},
      value: '2',
    });
    expect(await kvi(['get', 'hex:0', '--json'])).toMatchObject({exitCode: 2});
    expect(await kvi(['get', 'base64:???'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('text:base64:???'),
    });
    expect(JSON.parse((await kvi(['get', 'text:hex:0', '--json'])).stdout)).toEqual({
      key: 'hex:0',
      value: null,
    });
  });

  it('-0 ends each field with NUL, so that keys and values may have any other byte', async () => {
    const {kvi, key, prefix} = open();
    await kvi(['store', key('a\tb'), 'c\nd']);
    expect(await kvi(['range', '--prefix', prefix, '-0'])).toMatchObject({stdout: `${key('a\tb')}\0c\nd\0`});
    expect(await kvi(['get', key('a\tb'), '-0'])).toMatchObject({stdout: 'c\nd\0'});
  });

  it('get --default stands in for a key that does not exist, and for no other', async () => {
    const {kvi, key} = open();
    expect(await kvi(['get', key('a'), '--default', 'x'])).toMatchObject({exitCode: 0, stdout: 'x\n'});
    expect(await kvi(['get', key('a'), '--default', '', '-n'])).toMatchObject({exitCode: 0, stdout: ''});
    await kvi(['store', key('a'), '']);
    expect(await kvi(['get', key('a'), '--default', 'x'])).toMatchObject({exitCode: 0, stdout: '\n'});
  });

  it('get --exists says it with its exit code alone', async () => {
    const {kvi, key} = open();
    expect(await kvi(['get', key('a'), '--exists'])).toEqual(
      expect.objectContaining({exitCode: 1, stdout: '', stderr: ''}),
    );
    await kvi(['store', key('a'), '1']);
    expect(await kvi(['get', key('a'), '--exists'])).toMatchObject({exitCode: 0, stdout: ''});
    expect(await kvi(['get', key('a'), '--exists', '--json'])).toMatchObject({
      stdout: `{"key":"${key('a')}","exists":true}\n`,
    });
    expect(await kvi(['get', key('a'), '--exists', '--keys-only'])).toMatchObject({exitCode: 2});
  });

  it('get --keys-only prints the key, --metadata everything but the value', async () => {
    const {kvi, key} = open();
    await kvi(['store', key('a'), '12345']);
    expect(await kvi(['get', key('a'), '--keys-only'])).toMatchObject({stdout: `${key('a')}\n`});
    expect((await kvi(['get', key('a'), '--metadata'])).stdout).toMatch(
      /^createRevision\t(\d+)\nmodRevision\t\1\nversion\t1\nlease\t0\nsize\t5\n$/,
    );
    expect(JSON.parse((await kvi(['get', key('a'), '--metadata', '--json'])).stdout)).toEqual({
      key: key('a'),
      createRevision: expect.any(Number),
      modRevision: expect.any(Number),
      version: 1,
      lease: '0',
      size: 5,
    });
  });

  it('get --wait prints a key that comes, and gives up with 102', async () => {
    const {kvi, key} = open();
    expect(await kvi(['get', key('a'), '--wait', '0'])).toMatchObject({
      exitCode: 102,
      stderr: expect.stringContaining('KVI_TIMEOUT'),
    });
    expect(await kvi(['get', key('a'), '--wait', '0', '--default', 'x'])).toMatchObject({
      exitCode: 0,
      stdout: 'x\n',
    });
    const waiting = kvi(['get', key('a'), '--wait', 'forever']);
    await kvi(['store', key('a'), '1']);
    expect(await waiting).toMatchObject({exitCode: 0, stdout: '1\n'});
    expect(await kvi(['get', key('a'), '--wait', '0'])).toMatchObject({exitCode: 0, stdout: '1\n'});
  });

  it('store --if-absent and --if-rev change nothing and exit with 1 when that is not so', async () => {
    const {kvi, key, url} = open();
    const store = (value: string, ...condition: string[]) => kvi(['store', key('a'), value, ...condition]);
    expect(await store('1', '--if-rev', await nextRevision(url))).toMatchObject({exitCode: 1, stdout: ''});
    expect(await store('1', '--if-absent')).toMatchObject({exitCode: 0, stdout: '', stderr: ''});
    expect(await store('2', '--if-absent', '--json')).toMatchObject({
      exitCode: 1,
      stdout: '{"stored":false}\n',
    });
    const {modRevision} = JSON.parse((await kvi(['get', key('a'), '--json'])).stdout) as {
      modRevision: number;
    };
    expect(await store('3', '--if-rev', String(modRevision))).toMatchObject({exitCode: 0});
    expect(await store('4', '--if-rev', String(modRevision))).toMatchObject({exitCode: 1});
    expect(await kvi(['get', key('a')])).toMatchObject({stdout: '3\n'});
  });

  it('store --if-absent --ttl leaves no lease behind when it stores nothing', async () => {
    const {kvi, key} = open();
    await kvi(['store', key('a'), '1']);
    const leases = async () => (await kvi(['lease', 'list'])).stdout.split('\n');
    const before = await leases();
    expect(await kvi(['store', key('a'), '2', '--if-absent', '--ttl', '60'])).toMatchObject({
      exitCode: 1,
      stdout: '',
    });
    expect((await leases()).filter((id) => !before.includes(id))).toEqual([]);
    const {stdout} = await kvi(['store', key('b'), '2', '--if-absent', '--ttl', '60']);
    expect(await leases()).toContain(stdout.trim());
  });
}
