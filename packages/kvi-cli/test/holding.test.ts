import {randomUUID} from 'node:crypto';
import {hostname} from 'node:os';
import {expect, it} from '@jest/globals';
import {describeWithEtcd, etcdctl, sharedEtcdUrl, spawnEtcdctl} from 'kvi-testbed';
import {runKvi} from './support/run-kvi.ts';
import {spawnKvi} from './support/spawn-kvi.ts';

/** A command that ends with its input, and does not mind SIGTERM. */
const stubborn = [
  'sh',
  '-c',
  `trap '' TERM; echo "$KVI_LOCK_KEY$KVI_ELECTION_KEY"; read -r end; read -r end`,
];

/** A command that says what it finds in its environment, and ends as it is asked to, or with its input. */
const server = [
  process.execPath,
  '-e',
  `process.on('SIGTERM', () => process.exit(9));
   process.stdin.on('end', () => process.exit()).resume();
   console.log(process.env.DB_URL, process.env.LOG_LEVEL);`,
];

function open() {
  const url = sharedEtcdUrl();
  const name = `kvi-cli/${randomUUID()}`;
  return {
    url,
    name,
    kvi: (...args: string[]) => runKvi(args, {env: {KVI_URL: url}}),
    spawn: (...args: string[]) => spawnKvi(args, {KVI_URL: url}),
  };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo()));
}

describeWithEtcd('kvi lock', () => {
  it('--holders lets so many in, and the next one when one leaves', async () => {
    const {spawn, name, kvi} = open();
    const lock = (...args: string[]) => spawn('lock', name, '--holders', '2', ...args);
    await using first = lock('--', 'sh', '-c', 'echo in; read -r end');
    await using second = lock('--', 'sh', '-c', 'echo in; read -r end');
    expect([await first.nextLine(), await second.nextLine()]).toEqual(['in', 'in']);
    await using third = lock('--wait', '0', '--', 'echo', 'in');
    expect(await third.exited).toBe(102);
    await using fourth = lock('--', 'echo', 'fourth');
    await until(async () => (await kvi('locks', name)).stdout.includes('waits'));
    const states = (await kvi('locks', name)).stdout.split('\n').map((line) => line.split('\t').slice(0, 2));
    expect(states).toEqual([[name, 'holds'], [name, 'holds'], [name, 'waits'], ['']]);
    first.child.stdin.end('\n');
    expect(await fourth.nextLine()).toBe('fourth');
    await using other = spawn('lock', name, '--holders', '3', '--', 'true');
    expect(await other.exited).toBe(115);
    expect(await other.stderr).toContain('KVI_SEMAPHORE_SIZE');
  });

  it('--term-grace kills a command that does not end when the lock is lost; 104 wins', async () => {
    const {spawn, name, url} = open();
    await using kvi = spawn('lock', name, '--term-grace', '0.1', '--', ...stubborn);
    await etcdctl(url, 'del', await kvi.nextLine());
    expect(await kvi.exited).toBe(104);
  });

  it("tells its command the lock in etcdctl's variables too", async () => {
    const {spawn, name} = open();
    await using kvi = spawn(
      'lock',
      name,
      '--',
      'sh',
      '-c',
      'echo "$ETCD_LOCK_KEY $ETCD_LOCK_REV"; echo "$KVI_LOCK_KEY $KVI_LOCK_TOKEN"',
    );
    const line = await kvi.nextLine();
    expect(line).toMatch(/^kvi-cli\/.*\/[0-9a-f]+ \d+$/);
    expect(await kvi.nextLine()).toBe(line);
  });
});

describeWithEtcd('kvi locks', () => {
  it('prints who holds and who waits, first come first, also of etcdctl', async () => {
    const {spawn, name, kvi, url} = open();
    await using first = spawn('lock', name, '--', 'sh', '-c', 'echo in; read -r end');
    await first.nextLine();
    await using second = await spawnEtcdctl(url, 'lock', name);
    await until(async () => (await kvi('locks', name)).stdout.split('\n').length === 3);
    await kvi('store', `${name}x`, 'no lock');
    const documents = (await kvi('locks', name, '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as {token: number});
    expect(documents).toMatchObject([
      {name, state: 'holds', lease: expect.any(String), grantedTtlSeconds: 10},
      // etcdctl stores no value.
      {name, state: 'waits', value: ''},
    ]);
    expect(documents[0]).toMatchObject({host: hostname(), pid: first.child.pid, since: expect.any(String)});
    const [line] = (await kvi('locks', name)).stdout.split('\n');
    expect(line).toMatch(new RegExp(`\t${hostname()}\t${String(first.child.pid)}\t\\d{4}-.*Z$`));
    expect(documents[0]?.token).toBeLessThan(documents[1]?.token ?? 0);
    second.signal('SIGINT');
  });
});

describeWithEtcd('kvi elect', () => {
  it('campaign runs its command while it leads; observe and leader tell who does', async () => {
    const {spawn, name, kvi} = open();
    expect(await kvi('elect', 'leader', name)).toMatchObject({exitCode: 1, stdout: ''});
    await using watching = spawn('elect', 'observe', name);
    expect(await watching.nextLine()).toBe('none');
    await using first = spawn(
      'elect',
      'campaign',
      name,
      '--value',
      'one',
      '--',
      'sh',
      '-c',
      'read -r end; exit 5',
    );
    expect(await watching.nextLine()).toBe('leader\tone');
    await using second = spawn('elect', 'campaign', name, '--value', 'two', '--', ...stubborn);
    await until(async () => (await kvi('locks', name)).stdout.includes('waits'));
    expect(await kvi('elect', 'leader', name)).toMatchObject({exitCode: 0, stdout: 'one\n'});
    first.child.stdin.end('\n');
    expect(await first.exited).toBe(5);
    expect(await second.nextLine()).toContain(name);
    expect(await kvi('elect', 'leader', name, '--json')).toMatchObject({
      stdout: expect.stringMatching(/^\{"value":"two","key":".*","token":\d+\}\n$/),
    });
  });

  it('resign ends a leadership, and the command that runs under it', async () => {
    const {spawn, name, kvi} = open();
    expect(await kvi('elect', 'resign', name)).toMatchObject({exitCode: 1});
    await using leader = spawn('elect', 'campaign', name, '--term-grace', '0', '--', ...stubborn);
    await leader.nextLine();
    expect(await kvi('elect', 'resign', name)).toMatchObject({exitCode: 0, stdout: '', stderr: ''});
    expect(await leader.exited).toBe(104);
    expect(await leader.stderr).toContain('KVI_LEADERSHIP_LOST');
  });

  it('campaign gives up after --wait', async () => {
    const {spawn, name} = open();
    await using leader = spawn('elect', 'campaign', name, '--', ...stubborn);
    await leader.nextLine();
    await using other = spawn('elect', 'campaign', name, '--wait', '0', '--', 'echo', 'leads');
    expect(await other.exited).toBe(102);
  });
});

describeWithEtcd('kvi queue', () => {
  it('take runs its command for a job, which is done when that succeeds', async () => {
    const {kvi, spawn, name} = open();
    expect((await kvi('queue', 'add', name, 'to Ada')).exitCode).toBe(0);
    expect(await kvi('queue', 'depth', name)).toMatchObject({stdout: '1\n'});
    await using failing = spawn('queue', 'take', name, '--', 'sh', '-c', 'cat; echo; exit 3');
    expect(await failing.nextLine()).toBe('to Ada');
    expect(await failing.exited).toBe(3);
    await using working = spawn('queue', 'take', name, '--', 'sh', '-c', 'cat; echo " $KVI_QUEUE_ATTEMPT"');
    expect(await working.nextLine()).toBe('to Ada 2');
    expect(await working.exited).toBe(0);
    expect(await kvi('queue', 'depth', name)).toMatchObject({stdout: '0\n'});
    await using idle = spawn('queue', 'take', name, '--wait', '0', '--', 'echo');
    expect(await idle.exited).toBe(102);
  });

  it('a job of a worker that is killed comes back', async () => {
    const {kvi, spawn, name} = open();
    await kvi('queue', 'add', name, 'job');
    await using killed = spawn(
      'queue',
      'take',
      name,
      '--ttl',
      '1',
      '--',
      'sh',
      '-c',
      'echo took; read -r end',
    );
    expect(await killed.nextLine()).toBe('took');
    killed.child.kill('SIGKILL');
    await using other = spawn('queue', 'take', name, '--', 'cat');
    expect(await other.nextLine()).toBe('job');
    killed.child.stdin.end();
  });

  it('gives up a job that fails too often; dead-letters prints it and puts it back', async () => {
    const {kvi, spawn, name} = open();
    const id = (await kvi('queue', 'add', name, 'job')).stdout.trim();
    await using failing = spawn('queue', 'take', name, '--max-attempts', '1', '--', 'false');
    expect(await failing.exited).toBe(1);
    const letters = ['queue', 'dead-letters', name];
    expect(await kvi(...letters)).toMatchObject({stdout: `${id}\t1\texit code 1\tjob\n`});
    expect(await kvi(...letters, '--put-back', 'other')).toMatchObject({exitCode: 1, stdout: ''});
    expect(await kvi(...letters, '--put-back', id)).toMatchObject({exitCode: 0, stdout: `${id}\n`});
    expect(await kvi(...letters)).toMatchObject({stdout: ''});
    expect(await kvi('queue', 'depth', name)).toMatchObject({stdout: '1\n'});
  });

  it('add says that a job is there already, or that the queue is full', async () => {
    const {kvi, name} = open();
    const add = (...args: string[]) => kvi('queue', 'add', name, 'job', ...args);
    const {stdout} = await add('--dedup-key', 'a');
    expect(await add('--dedup-key', 'a')).toMatchObject({exitCode: 1, stdout});
    expect(await add('--max-depth', '1')).toMatchObject({exitCode: 119});
  });

  it('take --forever goes on until it is interrupted', async () => {
    const {kvi, spawn, name} = open();
    await using worker = spawn('queue', 'take', name, '--forever', '--', 'sh', '-c', 'cat; echo');
    for (const job of ['1', '2', '3']) {
      await kvi('queue', 'add', name, job);
      expect(await worker.nextLine()).toBe(job);
    }
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(143);
  });
});

describeWithEtcd('kvi sequence', () => {
  it('next prints a number that nobody else has', async () => {
    const {kvi, name} = open();
    const all = await Promise.all(Array.from({length: 10}, () => kvi('sequence', 'next', name)));
    const numbers = all.map(({stdout}) => Number(stdout));
    expect(numbers.sort((one, other) => one - other)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await kvi('sequence', 'next', name, '--json')).toMatchObject({stdout: '{"number":11}\n'});
    await kvi('store', name, 'text');
    expect(await kvi('sequence', 'next', name)).toMatchObject({exitCode: 117});
  });
});

describeWithEtcd('kvi exec', () => {
  it('runs a command with keys in its environment, again when they change', async () => {
    const {kvi, spawn, name} = open();
    await kvi('store', `${name}/db/url`, 'one');
    await kvi('store', `${name}/log-level`, 'info');
    await using kviProcess = spawn('exec', '--prefix', `${name}/`, '--debounce', '10ms', '--', ...server);
    expect(await kviProcess.nextLine()).toBe('one info');
    await kvi('store', `${name}/db/url`, 'two');
    expect(await kviProcess.nextLine()).toBe('two info');
    await kvi('delete', `${name}/log-level`);
    expect(await kviProcess.nextLine()).toBe('two undefined');
    kviProcess.child.kill('SIGTERM');
    expect(await kviProcess.exited).toBe(9);
  });

  it("exits with its command's code when that ends, and refuses what is no variable", async () => {
    const {kvi, spawn, name} = open();
    await kvi('store', `${name}/a`, '1');
    await using ended = spawn('exec', '--prefix', `${name}/`, '--', 'sh', '-c', 'exit "$A"');
    expect(await ended.exited).toBe(1);
    await using once = spawn('exec', '--prefix', `${name}/`, '--no-restart', '--', 'sh', '-c', 'exit "$A"');
    expect(await once.exited).toBe(1);
    await kvi('store', `${name}/A`, '2');
    await using twice = spawn('exec', '--prefix', `${name}/`, '--', 'true');
    expect(await twice.exited).toBe(2);
    expect(await twice.stderr).toContain('two keys');
  });
});
