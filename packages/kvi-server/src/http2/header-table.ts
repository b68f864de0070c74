/**
 * The table that header blocks refer to: entries that are always there, and those that the client added, the newest first.
 *
 * @see RFC 7541, section 2.3 and appendix A
 */

/** A header field. */
export type Field = readonly [name: string, value: string];

/** From index 1. */
export const staticEntries: readonly Field[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...[
    ...['accept-language', 'accept-ranges', 'accept', 'access-control-allow-origin', 'age', 'allow'],
    ...['authorization', 'cache-control', 'content-disposition', 'content-encoding', 'content-language'],
    ...['content-length', 'content-location', 'content-range', 'content-type', 'cookie', 'date', 'etag'],
    ...['expect', 'expires', 'from', 'host', 'if-match', 'if-modified-since', 'if-none-match', 'if-range'],
    ...['if-unmodified-since', 'last-modified', 'link', 'location', 'max-forwards', 'proxy-authenticate'],
    ...['proxy-authorization', 'range', 'referer', 'refresh', 'retry-after', 'server', 'set-cookie'],
    ...['strict-transport-security', 'transfer-encoding', 'user-agent', 'vary', 'via', 'www-authenticate'],
  ].map((name): Field => [name, '']),
];

/** How large a client's entries are together, unless a setting says otherwise; here none does. */
export const maxTableSize = 4_096;

/** What an entry counts beside its characters. */
const overhead = 32;

/** What a field counts. */
export function sizeOf([name, value]: Field): number {
  return name.length + value.length + overhead;
}

export class HeaderTable {
  /** The newest last. */
  readonly #added: Field[] = [];
  #size = 0;
  #maxSize = maxTableSize;

  /** @param index - from 1 */
  at(index: number): Field | undefined {
    return index <= staticEntries.length
      ? staticEntries[index - 1]
      : this.#added[this.#added.length + staticEntries.length - index];
  }

  add(field: Field): void {
    this.#added.push(field);
    this.#size += sizeOf(field);
    this.#evict();
  }

  resize(maxSize: number): void {
    this.#maxSize = maxSize;
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#maxSize) {
      const oldest = this.#added.shift();
      if (oldest === undefined) return;
      this.#size -= sizeOf(oldest);
    }
  }
}
