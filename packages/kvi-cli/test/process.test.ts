import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {type AddressInfo, createServer} from 'node:net';
import {text} from 'node:stream/consumers';
import {describe, expect, it} from '@jest/globals';
import {describeWithEtcd, sharedEtcdUrl, startProxy} from 'kvi-testbed';
import {nextRevision} from './support/run-kvi.ts';
import {spawnKvi} from './support/spawn-kvi.ts';

describe('as a process, kvi', () => {
  it('keeps data and complaints apart, and exits with its code', async () => {
    await using kvi = spawnKvi(['batch', '-'], {KVI_URL: 'mem:'});
    const stdout = text(kvi.child.stdout);
    kvi.child.stdin.end('store a 1\nget a\nfetch a\n');
    expect(await kvi.exited).toBe(2);
    expect(await stdout).toBe('1\n');
    expect(await kvi.stderr).toBe("kvi: line 3: unknown command 'fetch'; use get\n");
  });

  it('answers each line of a batch as it comes', async () => {
    await using kvi = spawnKvi(['--url', 'mem:', 'batch', '-']);
    kvi.child.stdin.write('store a 1\nget a\n');
    expect(await kvi.nextLine()).toBe('1');
    kvi.child.stdin.write('get a -n');
    kvi.child.stdin.end();
    expect(await kvi.nextLine()).toBe('1');
    expect(await kvi.exited).toBe(0);
  });

  it('ends quietly when nobody reads its output any more', async () => {
    await using kvi = spawnKvi(['--url', 'mem:', 'batch', '-', '--keep-going']);
    kvi.child.stdin.write(`store a ${'x'.repeat(100_000)}\n`);
    kvi.child.stdin.write('get a\n'.repeat(100));
    await kvi.nextLine();
    kvi.child.stdout.destroy();
    expect(await kvi.exited).toBe(128 + 13);
    expect(await kvi.stderr).toBe('');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends by %s while it waits for input', async (signal) => {
    await using kvi = spawnKvi(['--url', 'mem:', 'batch', '-', '--keep-going']);
    kvi.child.stdin.write('store a 1\nget a\n');
    await kvi.nextLine();
    kvi.child.kill(signal);
    expect(await kvi.exited).toBe(signal === 'SIGINT' ? 130 : 143);
    expect(await kvi.stderr).toBe('');
  });

  it('waits for what does not come, also in a store of its own', async () => {
    await using kvi = spawnKvi(['--url', 'mem:', 'watch', 'a', '--json', '--timeout', '1ms']);
    const ended = Promise.race([kvi.exited, new Promise((resolve) => setTimeout(resolve, 1_000, 'waits'))]);
    expect(await ended).toBe('waits');
  });
});

it('SIGUSR1 ends kvi as it ends other programs, and opens no debugger', async () => {
  await using server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address() as AddressInfo;
  await using kvi = spawnKvi(['--url', `http://127.0.0.1:${port}`, 'get', 'a']);
  await once(server, 'connection');
  kvi.child.kill('SIGUSR1');
  expect(await kvi.exited).toBe(128 + 10);
  expect(await kvi.stderr).toBe('');
});

describeWithEtcd('as a process, kvi on etcd', () => {
  it('watches until it is interrupted', async () => {
    const env = {KVI_URL: sharedEtcdUrl()};
    const key = `kvi-cli/${randomUUID()}`;
    const watchArgs = ['watch', key, '--from-revision', await nextRevision(env.KVI_URL)];
    await using store = spawnKvi(['store', key, '1'], env);
    expect(await store.exited).toBe(0);
    await using watch = spawnKvi(watchArgs, env);
    expect(await watch.nextLine()).toBe(`put\t${key}\t1`);
    watch.child.kill('SIGINT');
    expect(await watch.exited).toBe(130);
    expect(await watch.stderr).toBe('');
  });

  it('exits with 103 when a write was sent and no answer came', async () => {
    await using proxy = await startProxy(new URL(sharedEtcdUrl()).host);
    await using kvi = spawnKvi(['--url', proxy.url, '--timeout', '3s', 'batch', '-']);
    const key = `kvi-cli/${randomUUID()}`;
    kvi.child.stdin.write(`range ${key} --count-only\n`);
    expect(await kvi.nextLine()).toBe('0');
    proxy.swallow('toClient');
    kvi.child.stdin.end(`store ${key} 1\n`);
    expect(await kvi.exited).toBe(103);
    expect(await kvi.stderr).toMatch(/^kvi: line 2: .*\(KVI_UNKNOWN_OUTCOME\)\. Read before .*\n$/);
  });
});
