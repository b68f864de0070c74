import {isUtf8} from 'node:buffer';
import {usageError} from './failures.ts';

/** The lines of an input, as they are read. The last line needs no newline. */
export async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  // In Latin-1 each byte is a character: splitting breaks no UTF-8 sequence and hides no invalid one.
  let rest = '';
  for await (const chunk of input) {
    const lines = (rest + Buffer.from(chunk).toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield Buffer.from(line, 'latin1');
  }
  if (rest !== '') yield Buffer.from(rest, 'latin1');
}

/** A part of a word: 'literal', "with escapes", a character after a backslash, or plain. */
const partOfWord = /'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\.)*)"|\\(?<escaped>.)|(?<plain>[^\s'"\\]+)/suy;

const escapes: Readonly<Record<string, string>> = {n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\'};

/**
 * Splits a line into words, as a shell does: quotes and backslashes protect spaces, and `#` at the start of a word starts
 * a comment. `store a "b c" # why` is `store`, `a`, `b c`. Within `"..."`, `\n`, `\t`, `\r`, `\"` and `\\` are escapes.
 *
 * @returns no words for an empty line or a comment
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
    if (part === null) throw usageError(`unterminated ${character}`);
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
  if (meaning === undefined)
    throw usageError(`unknown escape \\${character}; expected one of \\n \\t \\r \\" \\\\`);
  return meaning;
}
