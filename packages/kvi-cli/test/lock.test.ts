import {randomUUID} from 'node:crypto';
import {expect, it} from '@jest/globals';
import {describeWithEtcd, etcdctl, sharedEtcdUrl, spawnEtcdctl} from 'kvi-testbed';
import {spawnKvi} from './support/spawn-kvi.ts';

/** A command that says how it is asked to end. It ends with its input, too, which is to say with its test. */
const patient = [
  process.execPath,
  '-e',
  `process.on('SIGTERM', () => { console.log('told'); process.exit(7); });
   process.on('SIGINT', () => { console.log('asked'); process.exit(8); });
   for (const name of ['SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']) process.on(name, () => { console.log('signalled'); process.exit(9); });
   process.stdin.on('end', () => process.exit()).resume();
   console.log('ready');`,
];

describeWithEtcd('kvi lock', () => {
  function open() {
    const url = sharedEtcdUrl();
    const name = `kvi-cli/${randomUUID()}`;
    async function contenders() {
      const {stdout} = await etcdctl(url, 'get', '--prefix', `${name}/`, '--keys-only');
      return stdout.split('\n').filter((line) => line !== '');
    }
    return {
      url,
      name,
      lock: (...args: string[]) => spawnKvi(['lock', name, ...args], {KVI_URL: url}),
      contenders,
      /** Resolves when so many hold the lock or wait for it. */
      queued: async (count: number) => {
        while ((await contenders()).length < count);
      },
    };
  }

  it('passes the exit code and the output of its command on, and leaves nothing behind', async () => {
    const {lock, contenders} = open();
    await using kvi = lock('--', 'sh', '-c', 'echo "$1"; exit 42', 'sh', '--json');
    expect(await kvi.nextLine()).toBe('--json');
    expect(await kvi.exited).toBe(42);
    expect(await kvi.stderr).toBe('');
    expect(await contenders()).toEqual([]);
  });

  it('tells its command the key and the token of the lock', async () => {
    const {lock, url, name} = open();
    await using kvi = lock('--', 'sh', '-c', 'echo "$KVI_LOCK_KEY $KVI_LOCK_TOKEN"; read -r end');
    const [key = '', token] = (await kvi.nextLine()).split(' ');
    expect(key).toMatch(new RegExp(`^${name}/[0-9a-f]+$`));
    const {stdout} = await etcdctl(url, 'get', key, '-w', 'json');
    const {kvs} = JSON.parse(stdout) as {kvs: {create_revision: number}[]};
    expect(kvs[0]?.create_revision).toBe(Number(token));
    kvi.child.stdin.end('\n');
    expect(await kvi.exited).toBe(0);
  });

  it('excludes etcdctl lock', async () => {
    const {lock, url, name, queued} = open();
    await using kvi = lock('--', 'sh', '-c', 'echo held; read -r end; echo done');
    expect(await kvi.nextLine()).toBe('held');
    await using other = await spawnEtcdctl(url, 'lock', name);
    let isTheirs = false;
    const otherHolds = other.nextLine().finally(() => (isTheirs = true));
    await queued(2);
    expect(isTheirs).toBe(false);
    kvi.child.stdin.end('\n');
    expect(await kvi.nextLine()).toBe('done');
    expect(await otherHolds).toContain(name);
  });

  it('is excluded by etcdctl lock', async () => {
    const {lock, url, name, queued} = open();
    await using other = await spawnEtcdctl(url, 'lock', name);
    await other.nextLine();
    await using kvi = lock('--', 'echo', 'held');
    let isOurs = false;
    const kviHolds = kvi.nextLine().finally(() => (isOurs = true));
    await queued(2);
    expect(isOurs).toBe(false);
    other.signal('SIGINT');
    expect(await kviHolds).toBe('held');
    expect(await kvi.exited).toBe(0);
  });

  it.each(['0', '0.2'])(
    '--wait %s exits with 102 when the lock is held, and runs nothing',
    async (seconds) => {
      const {lock, url, name, contenders} = open();
      await using other = await spawnEtcdctl(url, 'lock', name);
      const holder = await other.nextLine();
      await using kvi = lock('--wait', seconds, '--', 'echo', 'held');
      expect(await kvi.exited).toBe(102);
      await expect(kvi.nextLine()).rejects.toThrow('KVI_TIMEOUT');
      expect(await contenders()).toEqual([holder]);
    },
  );

  it('sends SIGTERM to its command when the lock is lost, and exits with 104', async () => {
    const {lock, url, contenders} = open();
    await using kvi = lock('--', ...patient);
    expect(await kvi.nextLine()).toBe('ready');
    const [key = ''] = await contenders();
    await etcdctl(url, 'del', key);
    expect(await kvi.nextLine()).toBe('told');
    expect(await kvi.exited).toBe(104);
    expect(await kvi.stderr).toContain('KVI_LOCK_LOST');
  });

  it.each([
    ['SIGTERM', 'told', 7],
    ['SIGINT', 'asked', 8],
    ['SIGHUP', 'signalled', 9],
    ['SIGQUIT', 'signalled', 9],
    ['SIGUSR1', 'signalled', 9],
    ['SIGUSR2', 'signalled', 9],
  ] as const)(
    'hands %s to its command, and releases the lock when that has ended',
    async (signal, answer, code) => {
      const {lock, contenders} = open();
      await using kvi = lock('--', ...patient);
      expect(await kvi.nextLine()).toBe('ready');
      kvi.child.kill(signal);
      expect(await kvi.nextLine()).toBe(answer);
      expect(await kvi.exited).toBe(code);
      expect(await kvi.stderr).toBe('');
      expect(await contenders()).toEqual([]);
    },
  );

  it('exits as a shell would when a signal ended its command', async () => {
    const {lock} = open();
    await using kvi = lock('--', 'sh', '-c', 'kill -9 $$');
    expect(await kvi.exited).toBe(137);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGUSR1', 138],
    ['SIGUSR2', 140],
  ] as const)('leaves the queue when %s interrupts it while it waits', async (signal, code) => {
    const {lock, url, name, contenders, queued} = open();
    await using other = await spawnEtcdctl(url, 'lock', name);
    const holder = await other.nextLine();
    await using kvi = lock('--', 'echo', 'held');
    await queued(2);
    kvi.child.kill(signal);
    expect(await kvi.exited).toBe(code);
    expect(await kvi.stderr).toBe('');
    expect(await contenders()).toEqual([holder]);
  });

  it.each([
    ['no-such-command', 127, 'no-such-command: command not found'],
    ['no/such/command', 127, 'no/such/command: no such file, or its interpreter is missing'],
    ['', 127, "'': command not found"],
    ['/', 126, '/: permission denied'],
  ])('exits as a shell would when %j cannot be run, and releases the lock', async (command, code, why) => {
    const {lock, contenders} = open();
    await using kvi = lock('--', command);
    expect(await kvi.exited).toBe(code);
    expect(await kvi.stderr).toBe(`kvi: ${why}\n`);
    expect(await contenders()).toEqual([]);
  });
});
