/** The wire format of Protocol Buffers: varints of seven bits a byte, lowest first, and bytes after their length. */

/** A number, a boolean or an enum. */
export const varint = 0;
/** Bytes after their length: bytes, text or a message. */
export const delimited = 2;

/** Numbers of a fixed length, which no field of etcd's is; of one that is not known, they are skipped. */
const fixed64 = 1;
const fixed32 = 5;

/** Writes a message. */
export class Writer {
  #buffer = Buffer.allocUnsafe(128);
  #length = 0;

  number(value: number): void {
    if (value < 0) {
      this.hex(BigInt.asUintN(64, BigInt(value)).toString(16));
      return;
    }
    this.#reserve(10);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
    this.#buffer[this.#length++] = rest;
  }

  /** Writes 64 bits that are given in hexadecimal. */
  hex(value: string): void {
    this.#reserve(10);
    let high = parseInt(`0${value.slice(0, -8)}`, 16);
    let low = parseInt(value.slice(-8), 16);
    while (high > 0 || low >= 0x80) {
      this.#buffer[this.#length++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#buffer[this.#length++] = low;
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** Begins a nested message. Returns where, for {@link Writer.end}. */
  begin(): number {
    this.#reserve(1);
    return ++this.#length;
  }

  /** Ends a nested message: its length is known now. */
  end(start: number): void {
    const length = this.#length - start;
    // One byte was left for the length; for a longer one, the message moves up.
    const moved = start - 1 + varintSize(length);
    if (moved > start) {
      this.#reserve(moved - start);
      this.#buffer.copyWithin(moved, start, this.#length);
    }
    this.#length = start - 1;
    this.number(length);
    this.#length = moved + length;
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

function varintSize(value: number): number {
  return value < 0x80 ? 1 : 1 + varintSize(Math.floor(value / 0x80));
}

/** Reads a message. Throws a RangeError if the message is malformed. */
export class Reader {
  position = 0;
  readonly #buffer: Buffer;
  // The last varint: its lowest 28 bits, the next 28, and the highest 8.
  #low = 0;
  #middle = 0;
  #high = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  number(): number {
    this.#varint();
    // Two's complement, added up from the top so that a small negative number stays exact.
    if (this.#high >= 0x80) {
      return (this.#high - 0xff) * 2 ** 56 + (this.#middle - 0xfffffff) * 2 ** 28 + (this.#low - 2 ** 28);
    }
    return this.#high * 2 ** 56 + this.#middle * 2 ** 28 + this.#low;
  }

  /** Reads 64 bits, in hexadecimal without leading zeros. */
  hex(): string {
    this.#varint();
    const lower = (this.#low | (this.#middle << 28)) >>> 0;
    const upper = ((this.#middle >>> 4) | (this.#high << 24)) >>> 0;
    return upper === 0 ? lower.toString(16) : upper.toString(16) + lower.toString(16).padStart(8, '0');
  }

  /** Reads bytes, which share the memory of the message. */
  bytes(): Buffer {
    const end = this.end();
    const bytes = this.#buffer.subarray(this.position, end);
    this.position = end;
    return bytes;
  }

  /** Reads a length, and returns the position at which what follows ends. */
  end(): number {
    const length = this.number();
    const end = this.position + length;
    if (!(length >= 0 && end <= this.#buffer.length)) throw new RangeError('truncated message');
    return end;
  }

  skip(wireType: number): void {
    if (wireType === varint) this.#varint();
    else if (wireType === delimited) this.position = this.end();
    else if (wireType === fixed64) this.position += 8;
    else if (wireType === fixed32) this.position += 4;
    else throw new RangeError(`unexpected wire type ${wireType}`);
  }

  #varint(): void {
    this.#low = this.#middle = this.#high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#buffer[this.position++];
      if (byte === undefined) throw new RangeError('truncated message');
      const bits = byte & 0x7f;
      if (shift < 28) this.#low |= bits << shift;
      else if (shift < 56) this.#middle |= bits << (shift - 28);
      else this.#high |= bits << (shift - 56);
      if (byte < 0x80) return;
    }
    throw new RangeError('malformed varint');
  }
}
