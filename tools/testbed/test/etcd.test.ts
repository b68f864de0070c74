import {expect, it} from '@jest/globals';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {createInterface} from 'node:readline';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {startChild} from '../src/child.ts';
import {startEtcdCluster} from '../src/cluster.ts';
import {startEtcd} from '../src/etcd.ts';
import {etcdctl, spawnEtcdctl} from '../src/etcdctl.ts';
import {describeWithEtcd, sharedEtcdUrl} from '../src/shared-etcd.ts';
import {typescriptArgs} from '../src/typescript.ts';

describeWithEtcd('an etcd for the tests', () => {
  it('is shared by the whole run', async () => {
    const health = await etcdctl(sharedEtcdUrl(), 'endpoint', 'health');
    expect(health.code).toBe(0);
  });

  it('can be a test’s own, and leaves no process and no folder when it is stopped', async () => {
    const etcd = await startEtcd();
    const {dataDir, pid} = etcd;
    expect(etcd.version).toMatch(/^3\.\d+\.\d+/);
    expect(isRunning(pid)).toBe(true);
    expect(existsSync(dataDir)).toBe(true);
    await etcd.stop();
    await etcd.stop();
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(dataDir)).toBe(false);
  });

  it('ends with the process that started it, even one that is killed', async () => {
    const script = fileURLToPath(new URL('support/start-and-wait.ts', import.meta.url));
    const owner = await startChild(process.execPath, [...typescriptArgs, script]);
    const line = once(createInterface({input: owner.stdout}), 'line') as Promise<[string]>;
    const [said] = await Promise.race([line, owner.exited.then(() => [owner.complaint()] as const)]);
    const {pid, dataDir} = JSON.parse(said) as {pid: number; dataDir: string};
    expect(isRunning(pid)).toBe(true);
    await owner.kill();
    while (isRunning(pid) || existsSync(dataDir)) await sleep(5);
  });

  it('keeps its data and its address across a restart', async () => {
    await using etcd = await startEtcd();
    const {url, pid} = etcd;
    await etcdctl(url, 'put', 'k', 'v');
    etcd.signal('SIGKILL');
    await etcd.restart();
    expect(etcd.url).toBe(url);
    expect(etcd.pid).not.toBe(pid);
    expect((await etcdctl(url, 'get', 'k')).stdout).toBe('k\nv\n');
  });

  it('takes further arguments', async () => {
    await using etcd = await startEtcd({args: ['--max-request-bytes', '1000']});
    const put = await etcdctl(etcd.url, 'put', 'k', 'v'.repeat(2000));
    expect(put.code).not.toBe(0);
    expect(put.stderr).toContain('request is too large');
  });

  it('ends with a start that fails, and says why', async () => {
    await expect(startEtcd({args: ['--no-such-flag']})).rejects.toThrow(/no-such-flag/);
  });

  it('can be a cluster, which survives the death of one node', async () => {
    await using cluster = await startEtcdCluster();
    const [dead, survivor] = cluster.nodes;
    if (dead === undefined || survivor === undefined) throw new Error('the cluster has too few nodes');
    dead.signal('SIGKILL');
    await survivor.untilReady();
    expect(await etcdctl(survivor.url, 'put', 'k', 'v')).toMatchObject({code: 0, stderr: ''});
    await dead.restart();
    expect((await etcdctl(dead.url, 'get', 'k')).stdout).toBe('k\nv\n');
  });
});

describeWithEtcd('etcdctl', () => {
  it('reports a failure as a result', async () => {
    const wrong = await etcdctl(sharedEtcdUrl(), 'no-such-command');
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain('no-such-command');
  });

  it('holds a lock until it is told to end', async () => {
    await using etcd = await startEtcd();
    await using holder = await spawnEtcdctl(etcd.url, 'lock', 'name');
    await using waiter = await spawnEtcdctl(etcd.url, 'lock', 'name');
    const lines = [holder.nextLine(), waiter.nextLine()];
    const first = await Promise.race(lines.map(async (line, index) => ({key: await line, index})));
    expect(first.key).toMatch(/^name\/[0-9a-f]+$/);
    (first.index === 0 ? holder : waiter).signal('SIGINT');
    const [a, b] = await Promise.all(lines);
    expect(a).not.toBe(b);
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
