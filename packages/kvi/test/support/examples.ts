import {readFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';

/**
 * A code block of a page. What the reader does not see of it stands before it, in a comment of the page:
 *
 * - `<!-- given: CODE -->`: what the example takes for granted
 * - `<!-- file: NAME -->`: the file that it is, for the other examples of the page
 * - `<!-- types only -->`: it needs what does not exist here, a server for instance
 * - `<!-- endless -->`: it goes on until it is stopped
 */
export interface Example {
  /** `docs/errors.md:6`: where it stands. */
  place: string;
  page: string;
  language: string;
  code: string;
  given: string;
  file: string | undefined;
  isTypesOnly: boolean;
  isEndless: boolean;
}

export const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** The examples of a page, a path from the root of the repository. */
export async function examplesOf(page: string): Promise<Example[]> {
  const text = await readFile(root + page, 'utf8');
  return [...text.matchAll(/((?:^<!--[^]*?-->\s*)*)^```(\w+)\n([^]*?)^```$/gm)].map((match) => {
    const [, comments = '', language = '', code = ''] = match;
    const line = text.slice(0, match.index + comments.length).split('\n').length;
    return {
      place: `${page}:${line}`,
      page,
      language,
      code,
      given: /<!-- given:([^]*?)-->/.exec(comments)?.[1] ?? '',
      file: /<!-- file: (\S+) -->/.exec(comments)?.[1],
      isTypesOnly: comments.includes('<!-- types only -->'),
      isEndless: comments.includes('<!-- endless -->'),
    };
  });
}
