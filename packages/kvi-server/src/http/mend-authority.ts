/**
 * The header block of a request: RFC 7541.
 */

/** The entry of the static table that is `:authority`. */
const authority = 1;

/** What replaces an authority that is a URL. */
const replacement = Buffer.from('localhost');

/** The code of each character that a scheme has: RFC 7541, appendix B. */
const huffman: Readonly<Record<string, string>> = {
  h: '100111',
  i: '00110',
  n: '101010',
  p: '101011',
  s: '01000',
  t: '01001',
  u: '101101',
  x: '1111001',
  ':': '1011100',
  '/': '011000',
};

const schemes = ['http://', 'https://', 'unix://', 'unixs://'];
const codes = schemes.map((scheme) => Array.from(scheme, (character) => huffman[character]).join(''));

/**
 * Replaces the authority of a header block, if it is a URL.
 *
 * The client may refer to it in later requests, by its place in a table of what was sent. It keeps its place.
 *
 * @returns undefined if it is none, or if the block is malformed
 */
export function mendAuthority(block: Buffer): Buffer | undefined {
  let at = 0;

  /** An integer whose first bits share their byte with something else. */
  function integer(bits: number): number {
    const max = 2 ** bits - 1;
    let value = byte() & max;
    if (value < max) return value;
    for (let shift = 0; shift < 28; shift += 7) {
      const next = byte();
      value += (next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    throw new RangeError('integer too large');
  }

  function byte(): number {
    const value = block[at++];
    if (value === undefined) throw new RangeError('truncated header block');
    return value;
  }

  /** @returns whether it is a URL */
  function text(): boolean {
    const isCoded = (block[at] ?? 0) >= 0x80;
    const length = integer(7);
    const bytes = block.subarray(at, at + length);
    at += length;
    return isCoded
      ? codes.some((code) => startsWith(bytes, code))
      : schemes.some((scheme) => bytes.indexOf(scheme) === 0);
  }

  try {
    while (at < block.length) {
      const first = block[at] ?? 0;
      if (first >= 0x80) {
        integer(7);
        continue;
      }
      const isSizeUpdate = first >= 0x20 && first < 0x40;
      const name = integer(first >= 0x40 ? 6 : isSizeUpdate ? 5 : 4);
      if (isSizeUpdate) continue;
      if (name === 0) text();
      const start = at;
      if (text() && name === authority) {
        const value = [Buffer.of(replacement.length), replacement];
        return Buffer.concat([block.subarray(0, start), ...value, block.subarray(at)]);
      }
    }
  } catch {
    // Node will find the same, and says what there is to say.
  }
  return undefined;
}

/** Whether bytes begin with these bits. */
function startsWith(bytes: Buffer, bits: string): boolean {
  if (bytes.length * 8 < bits.length) return false;
  return Array.from(bits).every((bit, i) => (((bytes[i >> 3] ?? 0) >> (7 - (i & 7))) & 1) === Number(bit));
}
