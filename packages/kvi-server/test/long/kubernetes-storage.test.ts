// Kubernetes' own tests of its storage, and of the cache before it, with a server of kvi instead of each etcd.
import {describe, expect, it} from '@jest/globals';
import {testKubernetesStorage} from 'kvi-testbed';
import {fileURLToPath} from 'node:url';

const command = fileURLToPath(new URL('../../../kvi-cli/dist/bin.cjs', import.meta.url));
const server = [process.execPath, command, 'serve', 'mem:'];

describe("Kubernetes' storage", () => {
  it.each([
    ['etcd3', 300],
    ['cacher', 800],
  ] as const)(
    'passes its tests: %s',
    async (name, atLeast) => {
      const {passed, failed} = await testKubernetesStorage(name, server);
      expect(failed).toEqual([]);
      expect(passed).toBeGreaterThan(atLeast);
    },
    1_800_000,
  );
});
