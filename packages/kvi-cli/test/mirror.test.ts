import {randomUUID} from 'node:crypto';
import {expect, it} from '@jest/globals';
import {describeWithEtcd, sharedEtcdUrl} from 'kvi-testbed';
import {killMirror} from './support/killed-mirror.ts';
import {runKvi} from './support/run-kvi.ts';
import {spawnKvi} from './support/spawn-kvi.ts';

describeWithEtcd('kvi mirror', () => {
  it('keeps a prefix as it is elsewhere, and prints what it does', async () => {
    const env = {KVI_URL: sharedEtcdUrl()};
    const [source, target] = [`kvi-cli/${randomUUID()}/`, `kvi-cli/${randomUUID()}/`];
    const kvi = (...args: string[]) => runKvi(args, {env});
    await kvi('store', `${source}a`, '1');
    await kvi('store', `${source}lock`, '', '--ttl', '600');
    await kvi('store', `${target}gone`, '');
    await using mirror = spawnKvi(['mirror', '--prefix', source, '--into', target, '--json'], env);
    expect(JSON.parse(await mirror.nextLine())).toEqual({
      type: 'copy',
      revision: expect.any(Number),
      keys: 2,
    });
    await kvi('store', `${source}a`, '2');
    expect(JSON.parse(await mirror.nextLine())).toMatchObject({type: 'changes', keys: 1});
    expect(await kvi('range', '--prefix', target)).toMatchObject({stdout: `${target}a\t2\n`});
    mirror.child.kill('SIGTERM');
    expect(await mirror.exited).toBe(143);
    expect(await mirror.stderr).toBe('');
  });

  it('misses nothing and repeats nothing when it is killed and started again', async () => {
    const {difference, versions} = await killMirror(sharedEtcdUrl(), 8, 1);
    expect(difference).toBe('');
    expect(versions).toEqual({source: 8, target: 8});
  });

  it.each([
    [['--prefix', 'a/'], 'say where to'],
    [['--prefix', '', '--into', 'b/'], 'empty prefix'],
    [['--into', 'b/'], 'one of --prefix'],
    [['--prefix', 'a/', '--into', 'a/b/'], 'same store'],
  ])('refuses %j', async (args, complaint) => {
    expect(await runKvi(['--url', 'mem:', 'mirror', ...args])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(complaint),
    });
  });
});
