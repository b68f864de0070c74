/**
 * Header blocks.
 *
 * @see RFC 7541
 */
import {ConnectionError, errorCode} from './frames.ts';
import {type Field, HeaderTable, maxTableSize, sizeOf, staticEntries} from './header-table.ts';
import {huffmanDecode} from './huffman.ts';

/** How the first byte tells what a field is: the bits that say so, and how many are left for a number. */
const indexed = {flag: 0x80, bits: 7};
const added = {flag: 0x40, bits: 6};
const tableSize = {flag: 0x20, bits: 5};
const plain = {flag: 0, bits: 4};

/** Reads the header blocks of a connection, in their order. */
export class HeaderDecoder {
  readonly #table = new HeaderTable();
  readonly #maxListSize: number;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** @param maxListSize - of the fields of a block together */
  constructor(maxListSize: number) {
    this.#maxListSize = maxListSize;
  }

  /** @throws ConnectionError if a block is malformed or too large: later ones cannot be understood without it */
  decode(block: Buffer): Field[] {
    this.#block = block;
    this.#at = 0;
    const fields: Field[] = [];
    let size = 0;
    while (this.#at < block.length) {
      const field = this.#field(fields.length === 0);
      if (field === undefined) continue;
      fields.push(field);
      size += sizeOf(field);
      if (size > this.#maxListSize) {
        throw new ConnectionError(errorCode.enhanceYourCalm, 'too many headers');
      }
    }
    return fields;
  }

  #field(isFirst: boolean): Field | undefined {
    const first = this.#block[this.#at] ?? 0;
    if (first >= indexed.flag) return this.#entry(this.#integer(indexed.bits));
    if (first >= added.flag) {
      const field = this.#literal(added.bits);
      this.#table.add(field);
      return field;
    }
    if (first < tableSize.flag) return this.#literal(plain.bits);
    const size = this.#integer(tableSize.bits);
    if (!isFirst || size > maxTableSize) throw malformed();
    this.#table.resize(size);
    return undefined;
  }

  #literal(bits: number): Field {
    const index = this.#integer(bits);
    const name = index === 0 ? this.#text() : this.#entry(index)[0];
    return [name, this.#text()];
  }

  #entry(index: number): Field {
    const entry = this.#table.at(index);
    if (entry === undefined) throw malformed();
    return entry;
  }

  #text(): string {
    const isCoded = (this.#block[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const end = this.#at + length;
    if (end > this.#block.length) throw malformed();
    const text = isCoded
      ? huffmanDecode(this.#block.subarray(this.#at, end))
      : this.#block.toString('latin1', this.#at, end);
    if (text === undefined) throw malformed();
    this.#at = end;
    return text;
  }

  /** A number that begins in the last bits of a byte. */
  #integer(bits: number): number {
    const max = 2 ** bits - 1;
    let value = this.#byte() & max;
    if (value < max) return value;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw malformed();
  }

  #byte(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw malformed();
    this.#at += 1;
    return byte;
  }
}

function malformed(): ConnectionError {
  return new ConnectionError(errorCode.compressionError, 'malformed header block');
}

/** What a connection's first header block begins with: no entries are added to the table, whatever the client has set. */
export const noTable = Buffer.of(tableSize.flag);

/** Encodes a header block that adds nothing to the table. @param headers - with names in lower case */
export function headerBlock(headers: Readonly<Record<string, string | number>>): Buffer {
  return Buffer.concat(Object.entries(headers).flatMap(([name, value]) => encodeField(name, String(value))));
}

function encodeField(name: string, value: string): Buffer[] {
  const whole = staticEntries.findIndex((entry) => entry[0] === name && entry[1] === value);
  if (whole >= 0) return [integer(indexed.flag, indexed.bits, whole + 1)];
  const index = staticEntries.findIndex((entry) => entry[0] === name) + 1;
  return [integer(plain.flag, plain.bits, index), ...(index === 0 ? text(name) : []), ...text(value)];
}

function text(value: string): Buffer[] {
  const bytes = Buffer.from(value, 'latin1');
  return [integer(0, 7, bytes.length), bytes];
}

function integer(flag: number, bits: number, value: number): Buffer {
  const max = 2 ** bits - 1;
  if (value < max) return Buffer.of(flag | value);
  const bytes = [flag | max];
  let rest = value - max;
  for (; rest >= 0x80; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.of(...bytes, rest);
}
