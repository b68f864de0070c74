/**
 * The code of strings in header blocks. It is canonical: of the codes of one length, each is one more than the one before it, and the
 * first is the next code of the length before, made longer. So the characters of each length say all.
 *
 * @see RFC 7541, appendix B
 */

/** The code that ends a string, and that no string has. */
const endOfString = 256;

/** The characters whose codes have a length in bits, in the order of their codes. */
const characters: Readonly<Record<number, string | readonly number[]>> = {
  5: '012aceiost',
  6: ' %-./3456789=A_bdfghlmnpru',
  7: ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz',
  8: '&*,;XZ',
  10: '!"()?',
  11: "'+|",
  12: '#>',
  13: '\0$@[]~',
  14: '^}',
  15: '<`{',
  19: [92, 195, 208],
  20: [128, 130, 131, 162, 184, 194, 224, 226],
  21: [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230],
  22: [
    129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190,
    196, 198, 228, 232, 233,
  ],
  23: [
    1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175,
    180, 182, 183, 188, 191, 197, 231, 239,
  ],
  24: [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237],
  25: [199, 207, 234, 235],
  26: [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255],
  27: [203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254],
  28: [
    2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127, 220,
    249,
  ],
  30: [10, 13, 22, endOfString],
};

/** The codes of each length. */
interface Codes {
  readonly first: number;
  readonly symbols: readonly number[];
}

const codesByLength: (Codes | undefined)[] = [];
let next = 0;
for (let length = 0, longest = 30; length <= longest; length += 1) {
  next *= 2;
  const each = characters[length];
  if (each === undefined) continue;
  const symbols = typeof each === 'string' ? Array.from(each, (character) => character.charCodeAt(0)) : each;
  codesByLength[length] = {first: next, symbols};
  next += symbols.length;
}

/** Decodes a string. @returns undefined if it is malformed */
export function huffmanDecode(bytes: Buffer): string | undefined {
  let text = '';
  let code = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      code = code * 2 + ((byte >> bit) & 1);
      length += 1;
      const codes = codesByLength[length];
      const symbol = codes?.symbols[code - codes.first];
      if (symbol === undefined) {
        if (length > 30) return undefined;
        continue;
      }
      if (symbol === endOfString) return undefined;
      text += String.fromCharCode(symbol);
      code = length = 0;
    }
  }
  // What fills up the last byte is the begin of the longest codes: ones.
  return length < 8 && code === 2 ** length - 1 ? text : undefined;
}
