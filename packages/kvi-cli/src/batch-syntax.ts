import {isUtf8} from 'node:buffer';
import {usageError} from './failures.ts';

/** The lines of an input, as they come. A last line needs no newline. */
export async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  // As Latin-1, a byte is a character: splitting breaks no UTF-8 sequence, and hides none that is broken.
  let rest = '';
  for await (const chunk of input) {
    const lines = (rest + Buffer.from(chunk).toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield Buffer.from(line, 'latin1');
  }
  if (rest !== '') yield Buffer.from(rest, 'latin1');
}

/** A part of a word: 'as it is', "with escapes", one character after a backslash, or plain. */
const partOfWord = /'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\.)*)"|\\(?<escaped>.)|(?<plain>[^\s'"\\]+)/suy;

const escapes: Readonly<Record<string, string>> = {n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\'};

/**
 * Splits a line into words, as a shell does: quotes and backslashes keep spaces, and `#` at the beginning of a word begins
 * a comment. `store a "b c" # why` is `store`, `a`, `b c`. Within `"..."`, `\n`, `\t`, `\r`, `\"` and `\\` are escapes.
 *
 * @returns no words for a line that says nothing
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function wordsOf(bytes: Buffer): string[] {
  if (!isUtf8(bytes)) throw usageError('the line is not UTF-8');
  const line = bytes.toString();
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;

  function endWord() {
    if (word !== undefined) words.push(word);
    word = undefined;
  }

  while (at < line.length) {
    const character = line.charAt(at);
    if (character === '#' && word === undefined) break;
    if (/\s/.test(character)) {
      endWord();
      at += 1;
      continue;
    }
    partOfWord.lastIndex = at;
    const part = partOfWord.exec(line);
    if (part === null) throw usageError(`nothing ends what ${character} begins`);
    word = (word ?? '') + unquote(part.groups);
    at = partOfWord.lastIndex;
  }
  endWord();
  return words;
}

function unquote({single, double, escaped, plain}: Record<string, string | undefined> = {}): string {
  return (
    single ??
    escaped ??
    plain ??
    (double ?? '').replace(/\\(.)/gsu, (_, character: string) => unescape(character))
  );
}

function unescape(character: string): string {
  const meaning = escapes[character];
  if (meaning === undefined) throw usageError(`\\${character} is no escape; there are \\n \\t \\r \\" \\\\`);
  return meaning;
}
