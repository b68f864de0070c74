import {mkdir, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {afterAll, beforeAll, describe, expect, it, jest} from '@jest/globals';
import {MemStore} from 'kvi-mem';
import {runNode} from 'kvi-testbed';
import ts from 'typescript';
import {type Example, examplesOf, root} from './support/examples.ts';

const pages = [
  'README.md',
  ...(await readdir(`${root}docs`)).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
  ...(await readdir(`${root}packages`)).map((name) => `packages/${name}/README.md`),
];
const examples = (await Promise.all(pages.map(examplesOf))).flat().filter(({language}) => language === 'ts');

const {options: settings} = ts.convertCompilerOptionsFromJson(await settingsOfFirstSteps(), root);
// Each is compiled to where it is.
delete settings.outDir;

/** What docs/first-steps.md tells the reader to set, and what these tests need. */
const options: ts.CompilerOptions = {
  ...settings,
  customConditions: ['kvi-source'],
  moduleDetection: ts.ModuleDetectionKind.Force,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  allowImportingTsExtensions: false,
  rewriteRelativeImportExtensions: true,
};

/** Below the package, so that an example imports what its user would. */
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(dirname(fileURLToPath(import.meta.url)), 'examples-'));
});

afterAll(async () => {
  await rm(folder, {recursive: true});
});

function sourceOf(example: Example): string {
  const page = example.page.replace(/\W/g, '_');
  return join(folder, page, example.file ?? `line${example.place.split(':')[1]}.ts`);
}

function compiledOf(example: Example): string {
  return sourceOf(example).replace(/\.ts$/, '.js');
}

describe('Every example of the pages', () => {
  it('is there', () => {
    expect(examples.length).toBeGreaterThan(20);
  });

  it('has the right types, with the settings of the first steps', async () => {
    for (const example of examples) {
      await mkdir(dirname(sourceOf(example)), {recursive: true});
      await writeFile(sourceOf(example), `${example.given}\n${example.code}`);
    }
    const program = ts.createProgram(examples.map(sourceOf), options);
    program.emit(undefined, (name, text) => {
      // The packages' sources are part of the program, too.
      if (name.startsWith(folder)) ts.sys.writeFile(name, text);
    });
    const own = ts.getPreEmitDiagnostics(program).filter(({file}) => file?.fileName.startsWith(folder));
    expect(own.map(explain)).toEqual([]);
  });

  it.each(
    examples.filter(({isTypesOnly}) => !isTypesOnly).map((example) => [example.place, example] as const),
  )('%s runs as it stands', async (_, example) => {
    const log = jest.spyOn(console, 'log').mockReturnValue();
    delete process.env['KVI_URL'];
    try {
      const running = run(example);
      // One that has no end shows what it does at once.
      const shown = new Promise((resolve) => setTimeout(resolve, 300));
      await (example.isEndless ? Promise.race([running, shown]) : running);
    } finally {
      log.mockRestore();
      jest.useRealTimers();
      MemStore.named('').reset();
    }
  });
});

async function run(example: Example): Promise<void> {
  const compiled = compiledOf(example);
  const source = example.given + example.code;
  if (example.isEndless || source.includes("from '@jest/globals'")) {
    await import(pathToFileURL(compiled).href);
    return;
  }
  // A process of its own, because it may subscribe to what happens in the process.
  const runner = source.includes("from 'node:test'") ? ['--test'] : [];
  const {exitCode, stderr} = await runNode([...runner, compiled], {env: {KVI_URL: 'mem:'}});
  expect({exitCode, stderr}).toMatchObject({exitCode: 0});
}

async function settingsOfFirstSteps(): Promise<unknown> {
  const settings = (await examplesOf('docs/first-steps.md')).find(({language}) => language === 'json');
  return (JSON.parse(settings?.code ?? '{}') as {compilerOptions?: unknown}).compilerOptions;
}

function explain({file, start = 0, messageText}: ts.Diagnostic): string {
  const line = file?.getLineAndCharacterOfPosition(start).line ?? 0;
  const text = file?.text.split('\n')[line] ?? '';
  return `${file?.fileName.slice(folder.length) ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}: ${text.trim()}`;
}
