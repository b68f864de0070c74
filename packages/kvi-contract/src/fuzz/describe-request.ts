/** Describes programs: `put("k", "v")`, `range("a".."\0", limit 2)`. */
import type {Bytes, Compare, KeyRange, RequestOp, TxnRequest} from 'kvi-core/driver';
import type {Command, Program} from './program.ts';
import {absentRevision} from './resolve.ts';

/** One line per command. */
export function describeProgram(program: Program): string[] {
  return program.map(describeCommand);
}

/** `h0.range("a")` */
export function describeCommand(command: Command): string {
  if (command.do === 'sync') return 'sync()';
  if (command.do === 'cancel') return `cancel(w${String(command.slot)})`;
  const call = `h${String(command.handle)}.${command.do}`;
  switch (command.do) {
    case 'range':
      return `h${String(command.handle)}.${describeOp({type: 'range', ...command.request})}`;
    case 'txn':
      return `h${String(command.handle)}.${describeOuterTxn(command.request)}`;
    case 'compact':
      return `${call}(${describeRevision(command.revision)})`;
    case 'leaseGrant':
      return `${call}(${command.lease}, ttl ${String(command.ttlSeconds)})`;
    case 'leaseRevoke':
    case 'leaseKeepAlive':
      return `${call}(${command.lease})`;
    case 'leaseTimeToLive':
      return `${call}(${command.lease}${command.keys ? ', keys' : ''})`;
    case 'expire':
      return `${call}(${[command.lease, ...command.keys.map(describeBytes)].join(', ')})`;
    case 'watch': {
      const {key, rangeEnd, ...fields} = command.request;
      return `w${String(command.slot)} = ${call}(${[describeRange({key, rangeEnd}), ...describeFields(fields)].join(', ')})`;
    }
    case 'leaseLeases':
    case 'close':
    case 'open':
      return `${call}()`;
  }
}

/** A transaction of a single operation is shown as that operation. */
function describeOuterTxn(request: TxnRequest<Bytes>): string {
  const {compare = [], success = [], failure = []} = request;
  const [only] = success;
  if (compare.length === 0 && failure.length === 0 && success.length === 1 && only && only.type !== 'range') {
    return describeOp(only);
  }
  return describeTxn(request);
}

function describeTxn({compare = [], success = [], failure = []}: TxnRequest<Bytes>): string {
  const parts = [
    compare.length > 0 ? `if ${compare.map(describeCompare).join(' && ')}` : '',
    success.length > 0 ? `then ${success.map(describeOp).join('; ')}` : '',
    failure.length > 0 ? `else ${failure.map(describeOp).join('; ')}` : '',
  ];
  return `txn(${parts.filter((part) => part !== '').join(' ')})`;
}

function describeOp(op: RequestOp<Bytes>): string {
  if (op.type === 'txn') return describeTxn(op);
  if (op.type === 'put') {
    const {type, key, value, ...fields} = op;
    const keyAndValue = [key, ...(value ? [value] : [])].map(describeBytes);
    return `${type}(${[...keyAndValue, ...describeFields(fields)].join(', ')})`;
  }
  const {type, key, rangeEnd, ...fields} = op;
  return `${type}(${[describeRange({key, rangeEnd}), ...describeFields(fields)].join(', ')})`;
}

function describeCompare(compare: Compare<Bytes>): string {
  return `${compare.target}(${describeRange(compare)}) ${compare.result} ${describeOperand(compare)}`;
}

function describeOperand(compare: Compare<Bytes>): string {
  switch (compare.target) {
    case 'value':
      return describeBytes(compare.value);
    case 'version':
      return String(compare.version);
    case 'create':
      return describeRevision(compare.createRevision);
    case 'mod':
      return describeRevision(compare.modRevision);
    case 'lease':
      return compare.lease;
  }
}

/** `"a"` or `"a".."b"` */
function describeRange({key, rangeEnd}: KeyRange<Bytes>): string {
  return rangeEnd === undefined ? describeBytes(key) : `${describeBytes(key)}..${describeBytes(rangeEnd)}`;
}

/** The fields of a request other than keys and values. */
type Field = string | number | boolean | readonly string[] | undefined;

/** `limit 2`, `keysOnly`, `revision +3`; absent and false fields are omitted. */
function describeFields(fields: Readonly<Record<string, Field>>): string[] {
  return Object.entries(fields).flatMap(([name, value]: [string, Field]) => {
    if (value === undefined || value === false) return [];
    if (value === true) return [name];
    const shown = /revision$/i.test(name) ? describeRevision(Number(value)) : String(value);
    return [`${name} ${shown}`];
  });
}

function describeRevision(sinceStart: number): string {
  if (sinceStart === absentRevision) return '0';
  return sinceStart < 0 ? String(sinceStart) : `+${String(sinceStart)}`;
}

/** Every byte, so that different bytes look different; a repeated byte as `"x"*1000`. */
export function describeBytes(bytes: Bytes): string {
  const [first] = bytes;
  if (first !== undefined && bytes.length > 16 && bytes.every((byte) => byte === first)) {
    return `${describeBytes(bytes.subarray(0, 1))}*${String(bytes.length)}`;
  }
  const text = Array.from(bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('');
  return `"${text}"`;
}
