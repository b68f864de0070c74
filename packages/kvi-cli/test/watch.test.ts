import {randomUUID} from 'node:crypto';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {describeWithEtcd, sharedEtcdUrl} from 'kvi-testbed';
import {nextRevision, runKvi} from './support/run-kvi.ts';
import {spawnKvi} from './support/spawn-kvi.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kvi-watch-'));
});
afterAll(() => rm(folder, {recursive: true}));

describeWithEtcd('kvi watch', () => {
  async function open() {
    const url = sharedEtcdUrl();
    const prefix = `kvi-cli/${randomUUID()}/`;
    const kvi = (...args: string[]) => runKvi(args, {env: {KVI_URL: url}});
    const from = await nextRevision(url);
    return {
      prefix,
      from,
      kvi,
      put: (name: string, value: string) => kvi('store', prefix + name, value),
      watch: (...args: string[]) => spawnKvi(['watch', '--prefix', prefix, ...args], {KVI_URL: url}),
      file: () => join(folder, randomUUID()),
    };
  }

  it('--initial begins with what exists, and goes on with what changes', async () => {
    const {watch, put, prefix} = await open();
    await put('a', '1');
    await using watching = watch('--initial', '--once');
    expect(await watching.nextLine()).toBe(`put\t${prefix}a\t1`);
    await put('b', '2');
    expect(await watching.nextLine()).toBe(`put\t${prefix}b\t2`);
    expect(await watching.exited).toBe(0);
  });

  it('--until ends at a value that is there already, and at one that comes', async () => {
    const {watch, put, kvi, prefix, from} = await open();
    await put('state', 'starting');
    await using watching = watch('--until', 'ready', '--initial');
    expect(await watching.nextLine()).toBe(`put\t${prefix}state\tstarting`);
    await put('state', 'almost');
    await put('state', 'ready');
    expect(await watching.nextLine()).toBe(`put\t${prefix}state\talmost`);
    expect(await watching.nextLine()).toBe(`put\t${prefix}state\tready`);
    expect(await watching.exited).toBe(0);
    expect(await kvi('watch', '--prefix', prefix, '--until', 'ready')).toMatchObject({
      exitCode: 0,
      stdout: `put\t${prefix}state\tready\n`,
    });
    expect(
      await kvi('watch', '--prefix', prefix, '--until', 'almost', '--from-revision', from),
    ).toMatchObject({exitCode: 0, stdout: expect.stringMatching(/starting\n.*almost\n$/)});
  });

  it('--updates-only leaves out deletions and puts that change nothing', async () => {
    const {put, kvi, prefix, from} = await open();
    await put('a', '1');
    await put('a', '1');
    await kvi('delete', `${prefix}a`);
    await put('a', '1');
    await put('a', '2');
    expect(
      await kvi('watch', '--prefix', prefix, '--from-revision', from, '--updates-only', '--count', '3', '-0'),
    ).toMatchObject({stdout: ['1', '1', '2'].map((value) => `put\0${prefix}a\0${value}\0`).join('')});
  });

  it('--exec runs a command for each change, with the change in its input and environment', async () => {
    const {kvi, put, prefix, watch, from} = await open();
    await put('a', 'x y');
    await kvi('delete', `${prefix}a`);
    const script = 'echo "$KVI_EVENT_TYPE $KVI_EVENT_KEY <$KVI_EVENT_VALUE>"; cat';
    await using watching = watch('--from-revision', from, '--count', '2', '--exec', script);
    expect(await watching.nextLine()).toBe(`put ${prefix}a <x y>`);
    expect(JSON.parse(await watching.nextLine())).toMatchObject({
      type: 'put',
      key: `${prefix}a`,
      value: 'x y',
    });
    expect(await watching.nextLine()).toBe(`delete ${prefix}a <>`);
    expect(JSON.parse(await watching.nextLine())).toMatchObject({type: 'delete'});
    expect(await watching.exited).toBe(0);
  });

  it('exits with the code of a command that fails', async () => {
    const {put, watch, from} = await open();
    await put('a', '1');
    await using watching = watch('--from-revision', from, '--exec', 'exit 7');
    expect(await watching.exited).toBe(7);
  });

  it('--debounce keeps the last change of each key, for one run of the command', async () => {
    const {put, watch, prefix, from} = await open();
    await put('a', '1');
    await put('b', '1');
    await put('a', '2');
    await using watching = watch(
      '--from-revision',
      from,
      '--debounce',
      '300ms',
      '--exec',
      'cat; echo end',
      '--once',
    );
    const changes = [await watching.nextLine(), await watching.nextLine()].map(
      (line) => JSON.parse(line) as object,
    );
    expect(changes).toMatchObject([
      {key: `${prefix}b`, value: '1'},
      {key: `${prefix}a`, value: '2'},
    ]);
    expect(await watching.nextLine()).toBe('end');
    expect(await watching.exited).toBe(0);
  });

  it('--resume-file misses nothing when it is killed and started again', async () => {
    const {put, watch, prefix, file} = await open();
    const position = file();
    await put('0', 'before');
    const seen: string[] = [];
    for (let round = 1; round <= 5; round += 1) {
      await using watching = watch('--resume-file', position);
      if (round === 1) while (!(await exists(position)));
      await put(`${round}`, 'while it runs');
      for (;;) {
        const line = await watching.nextLine();
        seen.push(line);
        if (line.includes(`${prefix}${round}\t`)) break;
      }
      watching.child.kill('SIGKILL');
      await watching.exited;
      await put(`${round}+`, 'while it is away');
    }
    const names = seen.map((line) => line.split('\t')[1]?.slice(prefix.length));
    // What was told, and not noted before the kill, is told again.
    const inOrder = names.filter((name, at) => name !== names[at - 1]);
    expect(inOrder).toEqual(
      ['1', '1+', '2', '2+', '3', '3+', '4', '4+', '5'].filter((name) => names.includes(name)),
    );
    expect(new Set(names).size).toBe(9);
  });

  it('a command that failed is run again for the same change, with --resume-file', async () => {
    const {put, watch, prefix, file} = await open();
    const position = file();
    await using first = watch('--resume-file', position, '--exec', 'exit 3');
    while (!(await exists(position)));
    await put('a', '1');
    expect(await first.exited).toBe(3);
    await using second = watch('--resume-file', position, '--exec', 'echo "$KVI_EVENT_KEY"', '--once');
    expect(await second.nextLine()).toBe(`${prefix}a`);
    expect(await second.exited).toBe(0);
  });

  it('--resume-file of another store is refused, and so is what is none', async () => {
    const {kvi, prefix, file} = await open();
    const [ahead, none] = [file(), file()];
    await Promise.all([writeFile(ahead, '{"revision":999999999}\n'), writeFile(none, 'notes')]);
    const watch = (position: string) => kvi('watch', '--prefix', prefix, '--resume-file', position);
    expect(await watch(ahead)).toMatchObject({
      exitCode: 106,
      stderr: expect.stringContaining('another store'),
    });
    expect(await watch(none)).toMatchObject({exitCode: 2});
    expect(await readFile(none, 'utf8')).toBe('notes');
  });
});

async function exists(file: string): Promise<boolean> {
  return readFile(file).then(
    () => true,
    () => false,
  );
}
