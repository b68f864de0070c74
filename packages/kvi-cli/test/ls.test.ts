import {randomUUID} from 'node:crypto';
import {describe, expect, it} from '@jest/globals';
import {describeWithEtcd, sharedEtcdUrl} from 'kvi-testbed';
import {runKvi} from './support/run-kvi.ts';

describe('on mem:', () => {
  listTests(() => `mem:${randomUUID()}`);
});

describeWithEtcd('on etcd', () => {
  listTests(sharedEtcdUrl);
});

function listTests(urlOf: () => string) {
  async function open(...names: string[]) {
    const url = urlOf();
    const prefix = `kvi-cli/${randomUUID()}/`;
    const kvi = (args: readonly string[], input?: string) => runKvi(args, {input, env: {KVI_URL: url}});
    const lines = names.map((name) => `store '${prefix}${name}' 1\n`);
    await kvi(['batch', '-'], lines.join(''));
    return {kvi, prefix, url};
  }

  it('ls prints one level: keys, and folders once', async () => {
    const {kvi, prefix} = await open('b', 'a/x', 'a/y', 'a', 'a-b', 'c/d/e', 'c/');
    expect(await kvi(['ls', prefix])).toMatchObject({
      exitCode: 0,
      stdout: ['a', 'a-b', 'a/', 'b', 'c/', ''].join(`\n${prefix}`).replace(/^/, prefix).replace(/.*$/, ''),
      stderr: '',
    });
    expect(await kvi(['ls', `${prefix}c/`, '-0'])).toMatchObject({stdout: `${prefix}c/\0${prefix}c/d/\0`});
    const documents = (await kvi(['ls', prefix, '--json'])).stdout.trim().split('\n');
    expect(documents.map((document) => JSON.parse(document) as unknown)).toMatchObject([
      {key: `${prefix}a`, version: 1, lease: '0'},
      {key: `${prefix}a-b`},
      {folder: `${prefix}a/`},
      {key: `${prefix}b`},
      {folder: `${prefix}c/`},
    ]);
  });

  it('ls goes on where a folder of more keys than a page has ends', async () => {
    const many = Array.from({length: 1_100}, (_, at) => `m/${at}`);
    const {kvi, prefix} = await open(...many, 'n', 'l');
    expect(await kvi(['ls', prefix])).toMatchObject({stdout: `${prefix}l\n${prefix}m/\n${prefix}n\n`});
    expect((await kvi(['ls', `${prefix}m/`])).stdout.split('\n').sort()).toEqual(
      ['', ...many.map((name) => prefix + name)].sort(),
    );
  });

  it('ls --tree indents all levels', async () => {
    const {kvi, prefix} = await open('b', 'a/x', 'a/y/z', 'a', 'a-b', 'c/d/');
    const {stdout} = await kvi(['ls', prefix, '--tree']);
    expect(stdout).toMatch(
      /^kvi-cli\/\n {2}[^\n]+\/\n {4}a\n {4}a-b\n {4}a\/\n {6}x\n {6}y\/\n {8}z\n {4}b\n {4}c\/\n {6}d\/\n {8}\.\n$/,
    );
  });

  it('ls --long adds revisions, version, size, and what the lease has left', async () => {
    const {kvi, prefix} = await open('a/x');
    const lease = (await kvi(['store', `${prefix}b`, 'value', '--ttl', '600'])).stdout.trim();
    const [folder, key] = (await kvi(['ls', prefix, '--long'])).stdout.split('\n');
    expect(folder).toBe(`-\t-\t-\t-\t-\t-\t${prefix}a/`);
    expect(key).toMatch(new RegExp(`^(\\d+)\t\\1\t1\t5\t${lease}\t(599|600)/600\t${prefix}b$`));
    const documents = (await kvi(['ls', prefix, '--long', '--json'])).stdout.trim().split('\n');
    expect(documents.map((document) => JSON.parse(document) as unknown)).toMatchObject([
      {folder: `${prefix}a/`},
      {key: `${prefix}b`, size: 5, lease, ttlSeconds: expect.any(Number), grantedTtlSeconds: 600},
    ]);
  });

  it('on a terminal, ls --long has titles, and shows as hexadecimal what is no text', async () => {
    const {prefix, url} = await open('a');
    await runKvi(['store', `${prefix}\n`, 'value'], {env: {KVI_URL: url}});
    const hex = Buffer.from(`${prefix}\n`).toString('hex');
    for (const [args, shown] of [
      [[], new RegExp(`^hex:${hex}\n${prefix}a\n$`)],
      [['--long'], new RegExp(`^CREATE +MOD +.* KEY\n\\d+ +\\d+ +1 +5 +- +- +hex:${hex}\n.* ${prefix}a\n$`)],
      [['--long', '-0'], /^\d+\0\d+\0/],
      [['--long', '--json'], /^\{"key"/],
    ] as const) {
      const {stdout} = await runKvi(['ls', prefix, ...args], {env: {KVI_URL: url}, isTTY: true});
      expect(stdout).toMatch(shown);
    }
  });

  it('count prints how many keys there are', async () => {
    const {kvi, prefix} = await open('a', 'b');
    expect(await kvi(['count', '--prefix', prefix])).toMatchObject({exitCode: 0, stdout: '2\n'});
    expect(JSON.parse((await kvi(['count', `${prefix}a`, '--json'])).stdout)).toEqual({
      count: 1,
      revision: expect.any(Number),
    });
  });
}
