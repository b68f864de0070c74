import {runInNewContext} from 'node:vm';

const statement =
  /^(?<indent>\s*)(?:console\.log\((?<logged>.+)\)|(?<bare>(?:await )?\w+[.(].*)); \/\/ (?<comment>.+)$/;

/**
 * Makes what an example says in a comment an assertion: `await kv.get('k'); // 'v'`, `console.log(1 + 1); // 2`, with a
 * remark if need be, `// false: there is no order 7`; `await kv.get(''); // throws KVI_INVALID_ARGUMENT`.
 */
export function assertClaims(line: string): string {
  const {indent = '', logged, bare, comment = ''} = statement.exec(line)?.groups ?? {};
  const expression = logged ?? bare;
  if (expression === undefined) return line;
  const code = /^throws (KVI_\w+)/.exec(comment)?.[1];
  if (code !== undefined)
    return `${indent}await rejects__(async () => { ${expression}; }, {code: '${code}'});`;
  const value = [comment, comment.replace(/: .*/, '')].find(isLiteral);
  return value === undefined ? line : `${indent}deepEqual__(${expression}, ${value});`;
}

/** What an example with such assertions imports. */
export const assertions =
  "import {deepEqual as deepEqual__, rejects as rejects__} from 'node:assert/strict';";

function isLiteral(text: string): boolean {
  try {
    runInNewContext(`(${text})`);
    return true;
  } catch {
    return false;
  }
}
