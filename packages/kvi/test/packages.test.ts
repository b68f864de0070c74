import {describe, expect, it} from '@jest/globals';
import {describeWithEtcd, runNode, sharedEtcdUrl} from 'kvi-testbed';
import {fileURLToPath} from 'node:url';

const missingPackages = new URL('missing-packages.mjs', import.meta.url).href;

/** Opens, writes, reads and closes in a process of its own. Resolves with what it read, or with the error. */
async function useInProcess(url: string, missing: string[] = []): Promise<unknown> {
  const program = `
    import {open} from 'kvi';
    try {
      const kv = await open(${JSON.stringify(url)}, {timeoutMs: 60_000});
      await kv.store('kvi-packages/key', 'value');
      console.log(JSON.stringify(await kv.get('kvi-packages/key')));
      await kv.delete('kvi-packages/key');
      await kv.close();
    } catch ({code, message, cause}) {
      console.log(JSON.stringify({code, message, cause: cause?.code}));
    }`;
  const {exitCode, stdout, stderr} = await runNode(
    [`--import=${missingPackages}`, '--input-type=module', '--eval', program],
    {env: {KVI_TEST_MISSING: missing.join(',')}, cwd: fileURLToPath(new URL('..', import.meta.url))},
  );
  if (exitCode !== 0) throw new Error(`exit code ${String(exitCode)}: ${stderr}`);
  return JSON.parse(stdout);
}

describe('the packages behind open', () => {
  it('mem: works where the etcd driver is not installed', async () => {
    expect(await useInProcess('mem:', ['kvi-etcd'])).toBe('value');
  });

  it.each([
    ['mem:', 'kvi-mem'],
    ['http://127.0.0.1:1', 'kvi-etcd'],
  ])('%s says what to install where %s is missing', async (url, missing) => {
    expect(await useInProcess(url, [missing])).toEqual({
      code: 'KVI_DRIVER_MISSING',
      message: expect.stringContaining(`npm install ${missing}`),
      cause: 'ERR_MODULE_NOT_FOUND',
    });
  });

  it('does not blame the driver for a package that it misses itself', async () => {
    expect(await useInProcess('http://127.0.0.1:1', ['kvi-core from kvi-etcd'])).toEqual({
      code: 'KVI_INTERNAL',
      cause: 'ERR_MODULE_NOT_FOUND',
      message: expect.stringContaining('the driver for "http:"'),
    });
  });
});

describeWithEtcd('the packages behind open, with etcd', () => {
  it('work in a process of its own, which ends by itself after close', async () => {
    expect(await useInProcess(sharedEtcdUrl())).toBe('value');
  });
});
