import {randomUUID} from 'node:crypto';
import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from '@jest/globals';
import {describeWithEtcd, sharedEtcdUrl} from 'kvi-testbed';
import {runKvi} from './support/run-kvi.ts';
import {runScript} from './support/run-script.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kvi-transfer-'));
});
afterAll(() => rm(folder, {recursive: true}));

describe('on mem:', () => {
  transferTests(() => `mem:${randomUUID()}`);
});

describeWithEtcd('on etcd', () => {
  transferTests(sharedEtcdUrl);

  it('an export in a pipe is the export of a file, and says nothing else', async () => {
    const prefix = `kvi-cli/${randomUUID()}/`;
    const result = await runScript(
      `seq 1 2000 | sed 's|.*|store ${prefix}a/& &|' | kvi batch -
       kvi export --prefix ${prefix}a/ | kvi import - --into ${prefix}b/ | head -1
       kvi export --prefix ${prefix}a/ -o a
       kvi export --prefix ${prefix}b/ | tail -n +2 | sed 's|/b/|/a/|' | diff - <(tail -n +2 a)
       kvi export --prefix ${prefix}a/ | head -1 > header
       kvi diff --prefix ${prefix}a/ --into ${prefix}b/`,
      {KVI_URL: sharedEtcdUrl()},
    );
    expect(result).toEqual({exitCode: 141, stdout: 'created\t2000\n', stderr: ''});
  });
});

function transferTests(urlOf: () => string) {
  async function open(...names: string[]) {
    const url = urlOf();
    const prefix = `kvi-cli/${randomUUID()}/`;
    const kvi = (args: readonly string[], input?: string | Uint8Array) =>
      runKvi(args, {input, env: {KVI_URL: url}});
    for (const name of names) await kvi(['store', prefix + name, `value of ${name}`]);
    return {kvi, prefix, url, file: () => join(folder, randomUUID())};
  }

  it('what was exported is imported below another prefix, to the byte; keys under leases are not', async () => {
    const {kvi, prefix, file} = await open('a/1', 'a/2\n');
    const binary = Buffer.from([0, 0xff, 0x0a]);
    await kvi(['store', `hex:${Buffer.from(`${prefix}a/`).toString('hex')}ff`, '-'], binary);
    await kvi(['store', `${prefix}a/lock`, '', '--ttl', '600']);
    const to = file();
    expect(await kvi(['export', '--prefix', `${prefix}a/`, '-o', to])).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
    expect((await readFile(to, 'utf8')).trim().split('\n').at(-1)).toBe(
      '{"type":"end","keys":3,"skipped":1}',
    );
    expect(await kvi(['import', to, '--into', `${prefix}b/`])).toMatchObject({
      exitCode: 0,
      stdout: 'created\t3\nchanged\t0\nunchanged\t0\ndeleted\t0\nskipped\t0\n',
      stderr: '',
    });
    const copied = await kvi(['get', `hex:${Buffer.from(`${prefix}b/`).toString('hex')}ff`, '--raw']);
    expect(copied.bytes).toEqual(binary);
  });

  it('--dry-run prints what would change, and changes nothing; --delete-missing deletes', async () => {
    const {kvi, prefix} = await open('a/1', 'a/2', 'b/2', 'b/3');
    const copy = ['copy', '--prefix', `${prefix}a/`, '--into', `${prefix}b/`];
    const wouldBe = `created\t${prefix}b/1\nchanged\t${prefix}b/2\n`;
    expect(await kvi([...copy, '--dry-run'])).toMatchObject({exitCode: 0, stdout: wouldBe, stderr: ''});
    expect(await kvi([...copy, '--dry-run', '--delete-missing'])).toMatchObject({
      stdout: `${wouldBe}deleted\t${prefix}b/3\n`,
    });
    expect((await kvi(['count', '--prefix', `${prefix}b/`])).stdout).toBe('2\n');
    const documents = (await kvi([...copy, '--delete-missing', '--json', '--changes'])).stdout
      .trim()
      .split('\n')
      .map((document) => JSON.parse(document) as unknown);
    expect(documents).toMatchObject([
      {type: 'created', key: `${prefix}b/1`},
      {type: 'changed', key: `${prefix}b/2`},
      {type: 'deleted', key: `${prefix}b/3`},
      {created: 1, changed: 1, deleted: 1, unchanged: 0, skipped: 0, revision: expect.any(Number)},
    ]);
    expect(await kvi([...copy, '--delete-missing'])).toMatchObject({
      stdout: 'created\t0\nchanged\t0\nunchanged\t2\ndeleted\t0\nskipped\t0\n',
    });
  });

  it('an export that was cut off is refused by its line, and deletes nothing', async () => {
    const {kvi, prefix, file} = await open('a/1', 'a/2');
    const {stdout} = await kvi(['export', '--prefix', `${prefix}a/`]);
    const cut = file();
    await writeFile(cut, stdout.split('\n').slice(0, 2).join('\n'));
    expect(await kvi(['import', cut, '--delete-missing'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('line 3'),
    });
    expect((await kvi(['count', '--prefix', `${prefix}a/`])).stdout).toBe('2\n');
    expect(await kvi(['import', '-'], Buffer.from([0xff]))).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('UTF-8'),
    });
  });

  it('an export that fails leaves the file as it was', async () => {
    const {kvi} = await open();
    const own = await mkdtemp(join(folder, 'own-'));
    await writeFile(join(own, 'f'), 'old');
    const failed = await kvi(['export', '--all', '--revision', '999999999', '-o', join(own, 'f')]);
    expect(failed).toMatchObject({exitCode: 106});
    expect(await readdir(own)).toEqual(['f']);
    expect(await readFile(join(own, 'f'), 'utf8')).toBe('old');
  });

  it('copies to another store', async () => {
    const {kvi, prefix} = await open('a/1', 'a/2');
    const to = `mem:${randomUUID()}`;
    expect(await kvi(['diff', '--prefix', `${prefix}a/`, '--to', to])).toMatchObject({
      exitCode: 1,
      stdout: `deleted\t${prefix}a/1\ndeleted\t${prefix}a/2\n`,
    });
    await kvi(['copy', '--prefix', `${prefix}a/`, '--to', to]);
    expect(await kvi(['diff', '--prefix', `${prefix}a/`, '--to', to])).toMatchObject({
      exitCode: 0,
      stdout: '',
    });
    expect(await runKvi(['--url', to, 'get', `${prefix}a/1`])).toMatchObject({stdout: 'value of a/1\n'});
    expect(await kvi(['copy', '--all'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--to'),
    });
  });

  it('diff prints what changed between two revisions', async () => {
    const {kvi, prefix} = await open('1', '2', '3');
    const present = async () => {
      const {stdout} = await kvi(['count', '--all', '--json']);
      return String((JSON.parse(stdout) as {revision: number}).revision);
    };
    const from = await present();
    await kvi(['store', `${prefix}2`, 'new']);
    await kvi(['delete', `${prefix}1`]);
    await kvi(['store', `${prefix}4`, 'more']);
    const to = await present();
    await kvi(['delete', '--prefix', prefix]);
    const diff = ['diff', '--prefix', prefix, '--from-rev', from];
    expect(await kvi([...diff, '--to-rev', to])).toMatchObject({
      exitCode: 1,
      stdout: `deleted\t${prefix}1\nchanged\t${prefix}2\ncreated\t${prefix}4\n`,
      stderr: '',
    });
    expect(await kvi([...diff, '--to-rev', to, '--values', '-0'])).toMatchObject({
      stdout: `deleted\0${prefix}1\0value of 1\0\0changed\0${prefix}2\0value of 2\0new\0created\0${prefix}4\0\0more\0`,
    });
    expect((await kvi(diff)).stdout.match(/deleted/g)).toHaveLength(3);
    expect(await kvi([...diff, '--to-rev', from])).toMatchObject({exitCode: 0, stdout: ''});
    const [first] = (await kvi([...diff, '--json'])).stdout.split('\n');
    expect(JSON.parse(first ?? '')).toMatchObject({
      type: 'deleted',
      key: `${prefix}1`,
      from: {value: 'value of 1', version: 1},
    });
  });
}
