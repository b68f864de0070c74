import {randomUUID} from 'node:crypto';
import {expect, it} from '@jest/globals';
import {describeWithEtcd, etcdctl, sharedEtcdUrl} from 'kvi-testbed';
import {nextRevision} from './support/run-kvi.ts';
import {spawnKvi} from './support/spawn-kvi.ts';

describeWithEtcd('kvi tempkey', () => {
  function open() {
    const url = sharedEtcdUrl();
    const key = `kvi-cli/${randomUUID()}`;
    return {
      url,
      key,
      tempKey: (...args: string[]) => spawnKvi(['tempkey', key, ...args], {KVI_URL: url}),
      get: async () => (await etcdctl(url, 'get', key)).stdout,
    };
  }

  it('keeps the key while its command runs, and passes its exit code on', async () => {
    const {tempKey, key, get} = open();
    await using kvi = tempKey('--value', 'here', '--', 'sh', '-c', 'echo up; read -r end; exit 5');
    expect(await kvi.nextLine()).toBe('up');
    expect(await get()).toBe(`${key}\nhere\n`);
    kvi.child.stdin.end('\n');
    expect(await kvi.exited).toBe(5);
    expect(await get()).toBe('');
  });

  it('leaves the key to its TTL when it is killed', async () => {
    const {tempKey, url, key, get} = open();
    const fromRevision = await nextRevision(url);
    await using kvi = tempKey('--ttl', '2', '--', 'sh', '-c', 'echo up; exec 1>&- 2>&-; read -r end');
    expect(await kvi.nextLine()).toBe('up');
    await using gone = spawnKvi(['watch', key, '--from-revision', fromRevision], {KVI_URL: url});
    expect(await gone.nextLine()).toBe(`put\t${key}\t`);
    kvi.child.kill('SIGKILL');
    expect(await gone.nextLine()).toBe(`delete\t${key}`);
    expect(await get()).toBe('');
  });

  it('sends SIGTERM to its command when somebody deletes the key, and exits with 104', async () => {
    const {tempKey, url, key} = open();
    await using kvi = tempKey('--', 'sh', '-c', 'echo up; exec sleep 60');
    expect(await kvi.nextLine()).toBe('up');
    await etcdctl(url, 'del', key);
    expect(await kvi.exited).toBe(104);
    expect(await kvi.stderr).toContain('was deleted');
  });
});
