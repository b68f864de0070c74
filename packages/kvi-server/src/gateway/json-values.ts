import {JsonMismatch} from 'kvi-wire';
import {parseJson} from './parse-json.ts';

const code = {quote: 0x22, backslash: 0x5c, open: 0x7b, close: 0x7d};
const whitespace = new Set(Buffer.from(' \t\r\n'));

/** Finds the objects in JSON that arrives in pieces, one after another, with or without white space between them. */
export class JsonValues {
  readonly #maxBytes: number;
  #bytes = Buffer.alloc(0);
  /** How much of it was looked at. */
  #at = 0;
  #depth = 0;
  #isInText = false;

  /** @param maxBytes - of an object */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @returns the objects that are complete now @throws JsonMismatch, SyntaxError */
  push(piece: Buffer): unknown[] {
    this.#bytes = Buffer.concat([this.#bytes, piece]);
    const values: unknown[] = [];
    for (; this.#at < this.#bytes.length; this.#at += 1) {
      if (!this.#endsWith(this.#bytes[this.#at] ?? 0)) continue;
      values.push(parseJson(this.#bytes.toString('utf8', 0, this.#at + 1)));
      this.#bytes = this.#bytes.subarray(this.#at + 1);
      this.#at = -1;
    }
    if (this.#bytes.length > this.#maxBytes) {
      throw new JsonMismatch(`request too large (limit ${this.#maxBytes} bytes)`);
    }
    return values;
  }

  /** @throws JsonMismatch if an object has begun and not ended */
  end(): void {
    if (this.#depth > 0) throw new JsonMismatch('unexpected end of JSON input');
  }

  /** @returns whether the byte ends an object */
  #endsWith(byte: number): boolean {
    if (this.#isInText) {
      // What follows a backslash is part of the text.
      if (byte === code.backslash) this.#at += 1;
      else if (byte === code.quote) this.#isInText = false;
      return false;
    }
    if (byte === code.open) this.#depth += 1;
    else if (this.#depth === 0) {
      if (!whitespace.has(byte))
        throw new JsonMismatch(`expected an object, not ${String.fromCharCode(byte)}`);
    } else if (byte === code.quote) this.#isInText = true;
    else if (byte === code.close) {
      this.#depth -= 1;
      return this.#depth === 0;
    }
    return false;
  }
}
