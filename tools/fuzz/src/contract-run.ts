import {execFile} from 'node:child_process';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {EtcdChoice} from './etcds.ts';

/** How the contract went on one version of etcd. */
export interface ContractResult {
  release: EtcdChoice;
  passed: number;
  total: number;
  /** What failed, and why. */
  failures: string[];
}

/** What jest writes with `--json`; the part that is read here. */
interface JestResult {
  numPassedTests: number;
  numTotalTests: number;
  testResults: {message: string}[];
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Runs the contract of the port and that of the interface, as `npm test` does, on an etcd. */
export async function runContract(release: EtcdChoice): Promise<ContractResult> {
  const folder = await mkdtemp(join(tmpdir(), 'kvi-matrix-'));
  try {
    const output = join(folder, 'result.json');
    await runJest(['packages/kvi-etcd/test/contract', '--json', `--outputFile=${output}`], release);
    const result = JSON.parse(await readFile(output, 'utf8')) as JestResult;
    return {
      release,
      passed: result.numPassedTests,
      total: result.numTotalTests,
      failures: result.testResults.map(({message}) => message).filter((message) => message !== ''),
    };
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

/** Resolves also when tests fail: what jest writes says so. */
function runJest(args: readonly string[], release: EtcdChoice): Promise<void> {
  const jest = [
    '--experimental-vm-modules',
    '--no-warnings=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
  ];
  const env = {
    ...process.env,
    KVI_TEST_ETCD_RELEASE: release === 'own' ? undefined : release,
    KVI_TEST_ETCD: undefined,
    KVI_TEST_ETCD_URL: undefined,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [...jest, ...args], {cwd: root, env, maxBuffer: 2 ** 26}, () => resolve());
  });
}
