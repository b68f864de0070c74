import {randomUUID} from 'node:crypto';
import {describe, expect, it} from '@jest/globals';
import {describeWithEtcd, sharedEtcdUrl} from 'kvi-testbed';
import {runKvi} from './support/run-kvi.ts';

describe('kvi history on mem:', () => {
  historyTests(() => `mem:${randomUUID()}`);

  it('of a key that never was prints nothing, and exits with 1', async () => {
    expect(await runKvi(['--url', 'mem:', 'history', 'never'])).toEqual({
      exitCode: 1,
      stdout: '',
      bytes: Buffer.of(),
      stderr: '',
    });
  });
});

describeWithEtcd('kvi history on etcd', () => {
  historyTests(sharedEtcdUrl);
});

function historyTests(urlOf: () => string) {
  it('prints each put and each deletion, as text, with NULs and as JSON', async () => {
    const env = {KVI_URL: urlOf()};
    const key = `kvi-cli/${randomUUID()}`;
    const kvi = (args: string[], input?: string | Buffer) => runKvi(args, {env, input});
    await kvi(['store', key, 'one\ntwo']);
    await kvi(['delete', key]);
    await kvi(['store', `${key}/other`, 'x']);
    await kvi(['store', key, '-'], Buffer.of(0xff, 0));

    const text = await kvi(['history', key]);
    expect(text).toMatchObject({exitCode: 0, stderr: ''});
    expect(text.bytes.toString('latin1')).toMatch(/^\d+\tput\tone\ntwo\n\d+\tdelete\n\d+\tput\t\xff\0\n$/);
    const fields = (await kvi(['history', key, '-0'])).bytes.toString('latin1');
    expect(fields).toMatch(/^\d+\0put\0one\ntwo\0\d+\0delete\0\d+\0put\0\xff\0\0$/);
    const json = await kvi(['history', key, '--json']);
    expect(
      json.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    ).toMatchObject([
      {type: 'put', key, value: 'one\ntwo', version: 1},
      {type: 'delete', key, modRevision: expect.any(Number)},
      {type: 'put', value: {base64: '/wA='}},
    ]);
  });
}
