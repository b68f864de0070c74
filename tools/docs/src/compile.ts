import {mkdirSync, rmSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import ts from 'typescript';
import {assertClaims, assertions} from './claims.ts';
import type {Example, Page} from './examples.ts';

const folder = join(import.meta.dirname, '../dist');
const sources = join(folder, 'source');
const output = join(folder, 'compiled');

/** The languages that are compiled. */
export const compiled = ['ts', 'js'];

/** The file that Node runs for an example. */
export function compiledFile({file}: Example): string {
  return join(output, `${file}.js`);
}

/**
 * Compiles the examples of all pages together.
 *
 * @param settings those of a project's `tsconfig.json`
 * @returns what is wrong with them, each as `docs/errors.md:12: message`
 */
export function compile(pages: readonly Page[], settings: unknown): string[] {
  const examples = new Map<string, Example>();
  rmSync(folder, {recursive: true, force: true});
  for (const example of pages.flatMap((page) => page.examples)) {
    if (!compiled.includes(example.language)) continue;
    const file = join(sources, `${example.file}.${example.language}`);
    mkdirSync(dirname(file), {recursive: true});
    const [, ...lines] = example.lines;
    writeFileSync(file, [assertions, ...lines.map(assertClaims)].join('\n'));
    examples.set(file, example);
  }
  const program = ts.createProgram([...examples.keys()], compilerOptions(settings));
  return [...examples].flatMap(([file, {place}]) => {
    const source = program.getSourceFile(file);
    program.emit(source);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(({messageText, start = 0}) => {
      const line = (source?.getLineAndCharacterOfPosition(start).line ?? 0) + 1;
      return `${place.replace(/\d+$/, String(line))}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  });
}

function compilerOptions(settings: unknown): ts.CompilerOptions {
  const {options, errors} = ts.convertCompilerOptionsFromJson(settings, folder);
  if (errors.length > 0) throw new Error(ts.formatDiagnostics(errors, formatHost));
  return {
    ...options,
    // The packages are found by their sources, so that nothing has to be built before.
    customConditions: ['kvi-source'],
    allowJs: true,
    checkJs: true,
    // As Nest and tsyringe ask for.
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    inlineSourceMap: true,
    rootDir: sources,
    outDir: output,
  };
}

const formatHost: ts.FormatDiagnosticsHost = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => folder,
  getNewLine: () => '\n',
};
