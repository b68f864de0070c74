import {spawn} from 'node:child_process';
import {mkdtemp, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';
import {Readable} from 'node:stream';
import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {describeWithEtcd, startEtcd, typescriptArgs} from 'kvi-testbed';

const program = fileURLToPath(new URL('../../src/bin.ts', import.meta.url));

/** Writes the most memory that a process has had to its standard error, in KiB. */
const reporter = `data:text/javascript,process.on('exit', () => process.stderr.write(String(process.resourceUsage().maxRSS)))`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kvi-million-'));
});
afterAll(() => rm(folder, {recursive: true}));

/** Runs `kvi`. @returns its output, and the most memory that it had, in MiB */
async function run(args: string[], url: string, input: Iterable<string> = []) {
  const child = spawn(process.execPath, ['--import', reporter, ...typescriptArgs, program, ...args], {
    env: {PATH: process.env['PATH'], KVI_URL: url},
    stdio: 'pipe',
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    pipeline(Readable.from(input), child.stdin),
  ]);
  expect({exitCode: await ended, stderr}).toEqual({exitCode: 0, stderr: expect.stringMatching(/^\d+$/)});
  return {stdout, peakMiB: Number(stderr) / 1_024};
}

function* exportOf(keys: number): Generator<string, void> {
  yield '{"type":"kvi-export","version":1,"revision":1,"keys":{"prefix":"m/"}}\n';
  for (let at = 0; at < keys; at += 1)
    yield `{"key":"m/${String(at).padStart(7, '0')}","value":"value ${at}"}\n`;
  yield `{"type":"end","keys":${keys},"skipped":0}\n`;
}

describeWithEtcd('a million keys', () => {
  it('are imported, exported and printed with hardly more memory than ten thousand', async () => {
    await using etcd = await startEtcd();
    const file = join(folder, 'export');
    const [few, many] = [10_000, 1_000_000];
    const peaks: Record<string, number> = {};
    for (const keys of [few, many]) {
      const imported = await run(['import', '-'], etcd.url, exportOf(keys));
      expect(imported.stdout).toContain(`created\t${keys === few ? few : many - few}\n`);
      const exported = await run(['export', '--prefix', 'm/', '-o', file], etcd.url);
      const printed = await run(['range', '--prefix', 'm/'], etcd.url);
      expect(printed.stdout.match(/\n/g)).toHaveLength(keys);
      peaks[`import of ${keys}`] = imported.peakMiB;
      peaks[`export of ${keys}`] = exported.peakMiB;
      peaks[`range of ${keys}`] = printed.peakMiB;
    }
    expect((await stat(file)).size).toBeGreaterThan(1_000_000 * 40);
    for (const command of ['import', 'export', 'range']) {
      expect(peaks[`${command} of ${many}`]).toBeLessThan((peaks[`${command} of ${few}`] ?? 0) + 100);
    }
  }, 600_000);
});
