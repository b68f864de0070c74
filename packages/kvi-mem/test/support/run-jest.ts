import {execFile} from 'node:child_process';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

/** One test, as jest reports it. */
export interface JestTest {
  title: string;
  status: 'passed' | 'failed';
  failureMessages: string[];
}

const resolve = createRequire(import.meta.url).resolve;
const rootDir = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a file of `fixtures/` in a jest of its own, with `kvi-mem/jest` as its setup file. */
export async function runJest(fixture: string): Promise<{exitCode: number | null; tests: JestTest[]}> {
  const config = {
    rootDir,
    testMatch: [`<rootDir>/test/fixtures/${fixture}`],
    extensionsToTreatAsEsm: ['.ts'],
    transform: {
      '\\.ts$': [resolve('@swc/jest'), {jsc: {parser: {syntax: 'typescript'}, target: 'es2022'}}],
    },
    testEnvironmentOptions: {customExportConditions: ['kvi-source', 'node', 'node-addons']},
    // jest looks setup files up without those conditions, and would take the built one.
    setupFilesAfterEnv: ['<rootDir>/src/jest/index.ts'],
  };
  const folder = await mkdtemp(join(tmpdir(), 'kvi-jest-'));
  const outputFile = join(folder, 'result.json');
  try {
    const exitCode = await run([
      '--experimental-vm-modules',
      '--no-warnings',
      resolve('jest/bin/jest'),
      `--config=${JSON.stringify(config)}`,
      '--json',
      `--outputFile=${outputFile}`,
    ]);
    const result = JSON.parse(await readFile(outputFile, 'utf8')) as {
      testResults: {message: string; assertionResults: JestTest[]}[];
    };
    const tests = result.testResults.flatMap(({message, assertionResults}) => {
      if (assertionResults.length === 0) throw new Error(message);
      return assertionResults;
    });
    return {exitCode, tests};
  } finally {
    await rm(folder, {recursive: true});
  }
}

/** @returns the exit code of Node, null when it did not end within three minutes */
function run(args: string[]): Promise<number | null> {
  return new Promise((done) => {
    const env = {...process.env, NODE_OPTIONS: '', FORCE_COLOR: '0'};
    const child = execFile(process.execPath, args, {env, timeout: 180_000, maxBuffer: 2 ** 26}, () => {
      done(child.exitCode);
    });
  });
}
