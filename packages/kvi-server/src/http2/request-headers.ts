import type {IncomingHttpHeaders} from 'node:http2';
import type {Field} from './header-table.ts';

const pseudoHeaders: readonly string[] = [':method', ':scheme', ':authority', ':path'];
const required = [':method', ':scheme', ':path'];

/** They belong to a connection, and HTTP/2 has other means. */
const forbidden = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade']);

/** The characters of a name: RFC 9110, section 5.6.2, in lower case. */
const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/**
 * The headers of a request. One that is repeated is a list.
 *
 * @returns undefined if the request is malformed
 * @see RFC 9113, section 8.2 and 8.3
 */
export function requestHeaders(fields: readonly Field[]): IncomingHttpHeaders | undefined {
  const headers = Object.create(null) as Record<string, string>;
  let isPastPseudo = false;
  for (const [name, value] of fields) {
    const isPseudo = name.startsWith(':');
    const present = headers[name];
    if (isPseudo) {
      if (isPastPseudo || present !== undefined || !pseudoHeaders.includes(name)) return undefined;
    } else {
      isPastPseudo = true;
      if (!known.has(name) && !isName(name)) return undefined;
      if (name === 'te' && value !== 'trailers') return undefined;
    }
    if (/[\0\r\n]/.test(value)) return undefined;
    headers[name] = present === undefined ? value : present + (name === 'cookie' ? '; ' : ', ') + value;
  }
  if (required.some((name) => headers[name] === undefined)) return undefined;
  return headers;
}

/** Names that were found to be good. */
const known = new Set<string>();
const maxKnown = 100;

function isName(name: string): boolean {
  if (forbidden.has(name) || !token.test(name)) return false;
  if (known.size < maxKnown) known.add(name);
  return true;
}
