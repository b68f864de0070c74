/**
 * The examples of the documentation: the fenced blocks of code on its pages.
 *
 * Comments just before a block, which a reader of the page does not see, say how it is run:
 *
 * - `<!-- given:` to `-->`: code that the block needs and that would only distract its reader;
 * - `<!-- file: NAME -->`: other blocks of the page import this one under the name;
 * - `<!-- types only: REASON -->`: the block is not run.
 */
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';

/** Where the repository is. */
export const root = join(import.meta.dirname, '../../..');

/** A page and its examples, in order. */
export interface Page {
  /** Its path in the repository. */
  readonly path: string;
  readonly examples: readonly Example[];
}

export interface Example {
  /** Where it is: `docs/errors.md:6`. */
  readonly place: string;
  readonly language: string;
  /** The path of the file that it becomes, without an extension. */
  readonly file: string;
  /**
   * The page with every line emptied that is no code of the example, so that lines are those of the page in every message
   * about it.
   */
  readonly lines: readonly string[];
  readonly isRun: boolean;
}

/** Reads every page that may have examples, also those that are yet to be written. */
export function readPages(): Page[] {
  return [
    'README.md',
    ...filesIn('docs').filter((file) => file.endsWith('.md')),
    ...['packages', 'examples'].flatMap((folder) =>
      filesIn(folder).flatMap((inner) => filesIn(inner).filter((file) => file.endsWith('/README.md'))),
    ),
  ].map(readPage);
}

/** @param path from the root of the repository */
export function readPage(path: string): Page {
  return {path, examples: readExamples(path, readFileSync(join(root, path), 'utf8'))};
}

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
}

function readExamples(path: string, page: string): Example[] {
  const examples: Example[] = [];
  const text = page.split('\n');
  const fence = /^```(\w+)\n(.*?)^```$/gms;
  for (const {index, 0: block, 1: language = ''} of page.matchAll(fence)) {
    const first = page.slice(0, index).split('\n').length;
    const code = range(first, block.split('\n').length - 2);
    const {hidden, file = `line-${first + 1}`, isRun} = readComments(text.slice(0, first - 1));
    examples.push({
      place: `${path}:${first + 1}`,
      language,
      file: join(path.replace(/\.md$/, ''), file.replace(/\.\w+$/, '')),
      lines: text.map((line, at) => (code.includes(at) || hidden.includes(at) ? line : '')),
      isRun,
    });
  }
  return examples;
}

/** Reads the comments with which the text before a block ends. */
function readComments(before: readonly string[]): {hidden: number[]; file?: string; isRun: boolean} {
  const comments = /(\s*<!--((?!-->).)*-->\s*)*$/s.exec(before.join('\n'))?.[0] ?? '';
  const start = before.length - comments.split('\n').length;
  const lines = comments.split('\n');
  const opening = lines.indexOf('<!-- given:');
  const length = opening === -1 ? 0 : lines.indexOf('-->', opening) - opening - 1;
  const file = /<!-- file: (\S+) -->/.exec(comments)?.[1];
  return {
    hidden: range(start + opening + 1, length),
    ...(file === undefined ? {} : {file}),
    isRun: !comments.includes('<!-- types only'),
  };
}

function range(start: number, length: number): number[] {
  return Array.from({length}, (_, at) => start + at);
}
