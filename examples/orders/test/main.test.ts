import {describe, expect, it} from '@jest/globals';
import {open} from 'kvi';
import {describeWithEtcd, runNode, sharedEtcdUrl} from 'kvi-testbed';
import {fileURLToPath} from 'node:url';
import {keys, ownPrefix} from '../src/keys.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return runNode([main, ...args], {env: {KVI_URL: undefined, ...env}});
}

describe('the order example', () => {
  it('tells its story on mem:, and ends', async () => {
    const {exitCode, stdout, stderr} = await run([]);
    expect({exitCode, stderr}).toEqual({exitCode: 0, stderr: ''});
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining([
        'Instances: north, south.',
        'South leaves the report to north.',
        'South stops. Instances: north.',
      ]),
    );
    expect(stdout).not.toContain('!');
  });

  it.each([
    ['an unknown option', ['--uri', 'mem:'], '--uri'],
    ['an argument too many', ['mem:'], 'mem:'],
    ['an option without its value', ['--url'], '--url'],
    ['a URL that means nothing', ['--url', 'redis://host'], 'redis:'],
  ])('refuses %s with exit code 2', async (_what, args, named) => {
    const {exitCode, stdout, stderr} = await run(args);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(named);
    expect(stderr).toContain('usage:');
  });

  it('says when the store does not answer, with exit code 1', async () => {
    const {exitCode, stderr} = await run(['--url', 'http://127.0.0.1:1']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('127.0.0.1:1');
  });
});

describeWithEtcd('the order example on etcd', () => {
  it('prints the lines that it prints on mem:, and leaves the store as it was', async () => {
    await using kv = await open(sharedEtcdUrl());
    const other = `${ownPrefix.slice(0, -1)}0`;
    await kv.store(other, 'of somebody else');
    await kv.store(`${ownPrefix}${keys.orders}A`, 'left by a run that was cut off');
    await kv.store(`${ownPrefix}${keys.instances}/east`, '');

    const onMem = await run([]);
    expect(await run(['--url', sharedEtcdUrl()])).toEqual(onMem);
    expect(await run([], {KVI_URL: sharedEtcdUrl()})).toEqual(onMem);

    expect(await kv.getRange({prefix: ownPrefix})).toEqual([]);
    expect(await kv.get(other)).toBe('of somebody else');
    await kv.delete(other);
  });
});
