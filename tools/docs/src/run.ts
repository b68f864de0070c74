/** Runs the examples of a page as their reader would. */
import {execFile} from 'node:child_process';
import {chmodSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {delimiter, join} from 'node:path';
import {startEtcd, typescriptArgs} from 'kvi-testbed/programs';
import {compiled, compiledFile} from './compile.ts';
import {type Example, type Page, root} from './examples.ts';

/** Where examples expect an etcd. Each page has one of its own. */
const documentedEtcd = '127.0.0.1:2379';

/** @returns what is wrong with each example, or `undefined` */
export async function runPage({examples}: Page): Promise<Map<Example, string | undefined>> {
  const outcomes = new Map<Example, string | undefined>();
  const folder = await mkdtemp(join(tmpdir(), 'kvi-docs-'));
  const needsEtcd = examples.some((example) => textOf(example).includes(documentedEtcd) || isShell(example));
  await using etcd = needsEtcd ? await startEtcd() : undefined;
  const where = {folder, endpoint: etcd?.endpoint ?? documentedEtcd};
  try {
    for (const example of examples) outcomes.set(example, await runExample(example, where));
  } finally {
    await rm(folder, {recursive: true});
  }
  return outcomes;
}

interface Where {
  readonly folder: string;
  readonly endpoint: string;
}

async function runExample(example: Example, where: Where): Promise<string | undefined> {
  if (!example.isRun) return undefined;
  if (example.language === 'json') return checkJson(textOf(example));
  if (isShell(example)) return runShell(example, where);
  if (!compiled.includes(example.language)) return undefined;
  return runCompiled(compiledFile(example), where);
}

function checkJson(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

/** Whether a shell runs it: where the `kvi` command is used, and nothing is installed or started. */
function isShell({language, lines, isRun}: Example): boolean {
  const uses = (program: RegExp): boolean => lines.some((line) => program.test(line));
  return isRun && ['sh', 'console'].includes(language) && uses(/\bkvi /) && !uses(/\b(npm|npx|docker) /);
}

async function runCompiled(file: string, {folder, endpoint}: Where): Promise<string | undefined> {
  const code = readFileSync(file, 'utf8');
  writeFileSync(file, code.replaceAll(documentedEtcd, endpoint));
  const args = code.includes("from '@jest/globals'") ? jestArgs(file) : [file];
  const node = [...typescriptArgs, '--enable-source-maps', '--no-warnings', ...args];
  const {succeeded, printed} = await run(process.execPath, node, {cwd: folder});
  return succeeded ? undefined : printed;
}

/** How jest runs a file of tests, set up as docs/testing.md tells. */
function jestArgs(file: string): string[] {
  const config = {
    rootDir: root,
    roots: [join(root, 'tools/docs/dist')],
    testMatch: [file],
    extensionsToTreatAsEsm: ['.ts'],
    transform: {'\\.ts$': ['@swc/jest', {jsc: {parser: {syntax: 'typescript'}, target: 'es2022'}}]},
    testEnvironmentOptions: {customExportConditions: ['kvi-source', 'node', 'node-addons']},
    setupFilesAfterEnv: ['<rootDir>/packages/kvi-mem/src/jest/index.ts'],
  };
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  return ['--experimental-vm-modules', jest, `--config=${JSON.stringify(config)}`];
}

/** `sh` succeeds in every line; in `console`, what follows each `$ command` is what it prints. */
async function runShell(example: Example, {folder, endpoint}: Where): Promise<string | undefined> {
  const env = {KVI_URL: `http://${endpoint}`, PATH: [commands(), process.env['PATH']].join(delimiter)};
  const bash = (script: string): Promise<Ended> =>
    run('bash', ['-c', script.replaceAll(documentedEtcd, endpoint)], {cwd: folder, env});
  if (example.language === 'sh') {
    const {succeeded, printed} = await bash(`set -euo pipefail\n${textOf(example)}`);
    return succeeded ? undefined : printed;
  }
  const transcript = textOf(example).trim();
  const typed = transcript.split('\n').filter((line) => line.startsWith('$ '));
  const {printed} = await bash(
    ['exec 2>&1', ...typed.flatMap((line) => [line.slice(2), "printf '\\0'"])].join('\n'),
  );
  const outputs = printed.split('\0');
  const actual = typed.map((line, at) => `${line}\n${outputs[at] ?? ''}`.trim()).join('\n');
  return actual === transcript ? undefined : `It prints\n${actual}`;
}

interface Ended {
  readonly succeeded: boolean;
  readonly printed: string;
}

function run(
  program: string,
  args: string[],
  options: {cwd: string; env?: NodeJS.ProcessEnv},
): Promise<Ended> {
  const env = {...process.env, NODE_OPTIONS: '', ...options.env};
  return new Promise((resolve) => {
    // The time limit is for an example that never ends.
    execFile(program, args, {...options, env, timeout: 300_000}, (error, stdout, stderr) => {
      resolve({
        succeeded: error === null,
        printed: `${stdout}${stderr}${error?.killed === true ? 'It did not end.' : ''}`,
      });
    });
  });
}

/** A folder for the PATH, with the `kvi` of the sources. */
function commands(): string {
  const bin = join(root, 'tools/docs/dist/bin');
  const args = [...typescriptArgs, '--no-warnings', join(root, 'packages/kvi-cli/src/bin.ts')];
  mkdirSync(bin, {recursive: true});
  writeFileSync(join(bin, 'kvi'), `#!/bin/sh\nexec '${process.execPath}' ${args.join(' ')} "$@"\n`);
  chmodSync(join(bin, 'kvi'), 0o755);
  return bin;
}

function textOf({lines}: Example): string {
  return lines.join('\n');
}
