import {type Compare, type CompareResult, type Input, prefixEnd, type RequestOp, type TxnRequest} from 'kvi';
import {wordsOf} from './batch-syntax.ts';
import {messageOf, usageError} from './failures.ts';
import {parseKey, toBytes} from './keys.ts';

type Section = 'compare' | 'success' | 'failure';

const sections: ReadonlyMap<string, Section> = new Map([
  ['if', 'compare'],
  ['then', 'success'],
  ['else', 'failure'],
]);

/**
 * Reads a transaction: the lines after `if` are conditions, those after `then` and `else` operations.
 *
 * ```text
 * if
 *   value config/state = ready
 *   version config/owner = 0
 * then
 *   store config/state started
 *   delete --prefix config/old/
 * else
 *   get config/state
 * ```
 *
 * @throws `KVI_INVALID_ARGUMENT` that names the line
 */
export async function parseTxn(lines: AsyncIterable<Buffer>): Promise<TxnRequest<Input>> {
  const compare: Compare<Input>[] = [];
  const operations: Record<'success' | 'failure', RequestOp<Input>[]> = {success: [], failure: []};
  let section: Section | undefined;
  let number = 0;
  for await (const line of lines) {
    number += 1;
    try {
      const words = wordsOf(line);
      const [first = ''] = words;
      if (words.length === 0) continue;
      const begun = words.length === 1 ? sections.get(first) : undefined;
      if (begun !== undefined) section = begun;
      else if (section === undefined) throw usageError('expected if, then or else');
      else if (section === 'compare') compare.push(condition(words));
      else operations[section].push(operation(words));
    } catch (error) {
      throw usageError(`line ${number}: ${messageOf(error)}`);
    }
  }
  return {compare, ...operations};
}

function condition(words: readonly string[]): Compare<Input> {
  const [target = '', name = '', result = '', operand = ''] = words;
  if (words.length !== 4 || !isResult(result)) {
    throw usageError('a condition is value|version|create|mod|lease KEY =|!=|<|> OPERAND');
  }
  const key = parseKey(name);
  switch (target) {
    case 'value':
      return {target, key, result, value: operand};
    case 'version':
      return {target, key, result, version: wholeNumber(operand)};
    case 'create':
      return {target, key, result, createRevision: wholeNumber(operand)};
    case 'mod':
      return {target, key, result, modRevision: wholeNumber(operand)};
    case 'lease':
      return {target, key, result, lease: operand};
    default:
      throw usageError(`unknown condition ${target}; expected value, version, create, mod or lease`);
  }
}

function isResult(text: string): text is CompareResult {
  return ['=', '!=', '<', '>'].includes(text);
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw usageError(`${text} is not a whole number`);
  return Number(text);
}

const readersAndDeleters: ReadonlyMap<string, 'range' | 'deleteRange'> = new Map([
  ['get', 'range'],
  ['delete', 'deleteRange'],
]);

function operation(words: readonly string[]): RequestOp<Input> {
  const [verb = '', first = '', second, ...rest] = words;
  if (verb === 'store') {
    if (
      second === undefined ||
      ![0, 2].includes(rest.length) ||
      (rest.length === 2 && rest[0] !== '--lease')
    ) {
      throw usageError('expected store KEY VALUE [--lease ID]');
    }
    return {type: 'put', key: parseKey(first), value: second, lease: rest[1]};
  }
  const type = readersAndDeleters.get(verb);
  if (type === undefined) throw usageError(`unknown operation ${verb}; expected store, get or delete`);
  if (words.length === 2) return {type, key: parseKey(first)};
  const prefix = parseKey(second ?? '');
  if (words.length !== 3 || first !== '--prefix' || prefix.length === 0) {
    throw usageError(`expected ${verb} KEY, or ${verb} --prefix PREFIX`);
  }
  return {type, key: prefix, rangeEnd: prefixEnd(toBytes(prefix))};
}

/**
 * Reads a transaction in JSON, as `kv.txn` takes it; keys and values are text, or `{"base64": ...}`.
 *
 * @throws `KVI_INVALID_ARGUMENT` if it is no JSON; `kv.txn` refuses what is no transaction
 */
export function parseJsonTxn(text: string): TxnRequest<Input> {
  try {
    return JSON.parse(text, (_, value: unknown) => decoded(value)) as TxnRequest<Input>;
  } catch (error) {
    throw usageError(`the transaction is not JSON: ${messageOf(error)}`);
  }
}

function decoded(value: unknown): unknown {
  const isBase64 =
    typeof value === 'object' &&
    value !== null &&
    'base64' in value &&
    typeof value.base64 === 'string' &&
    Object.keys(value).length === 1;
  return isBase64 ? Buffer.from(value.base64 as string, 'base64') : value;
}
