import {invalidArgument} from 'kvi-core/driver';

/** A member of an etcd cluster. */
export interface Endpoint {
  /** A name or an address; of IPv6 in brackets. */
  host: string;
  port: number;
  tls: boolean;
}

/** What a URL says. */
export interface Location {
  endpoints: Endpoint[];
  username?: string;
  password?: string;
}

/** The port that etcd serves its clients on. */
const defaultPort = 2379;

const schemes: Readonly<Record<string, boolean>> = {http: false, https: true, etcd: false, etcds: true};

const howTo =
  'write http://HOST:PORT, or https:// for TLS, with commas between several: etcd://HOST1:2379,HOST2:2379 (etcds:// for TLS)';

/**
 * Reads the endpoints out of a URL. A comma separates several, each of which may repeat the scheme; without one, the
 * scheme of the first holds. User and password may stand before the first host, percent-encoded.
 *
 * @throws `KVI_INVALID_ARGUMENT` that names what is wrong, and never shows the password
 */
export function parseUrl(url: string): Location {
  const [, scheme, rest] = /^([a-z]+):\/\/(.*)$/i.exec(url.trim()) ?? [];
  if (scheme === undefined || rest === undefined)
    throw invalidArgument(`an etcd URL has no scheme; ${howTo}`);
  const at = rest.lastIndexOf('@');
  const hosts = rest.slice(at + 1).split(',');
  return {
    endpoints: hosts.map((host) => parseEndpoint(host.trim(), scheme)),
    ...(at === -1 ? {} : parseUserInfo(rest.slice(0, at))),
  };
}

/**
 * Reads one endpoint, `HOST`, `HOST:PORT` or a URL of these.
 *
 * @param scheme for an endpoint that names none
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function parseEndpoint(text: string, scheme = 'http'): Endpoint {
  const [, ownScheme = scheme, authority = ''] = /^(?:([a-z]+):\/\/)?(.*)$/i.exec(text) ?? [];
  const tls = schemes[ownScheme.toLowerCase()];
  if (tls === undefined) throw invalidArgument(`"${ownScheme}:" is not a scheme of etcd; ${howTo}`);
  const [, host, port, rest] = /^(\[[0-9a-f:.%]+\]|[^:/?#@[\]\s]+)(?::(\d+))?(.*)$/i.exec(authority) ?? [];
  if (host === undefined) throw invalidArgument(`"${hidePassword(text)}" names no host; ${howTo}`);
  if (rest !== '' && rest !== '/') {
    throw invalidArgument(
      `"${hidePassword(text)}": "${String(rest)}" after the host means nothing to etcd; ${howTo}`,
    );
  }
  const number = port === undefined ? defaultPort : Number(port);
  if (number < 1 || number > 65535) throw invalidArgument(`port ${String(port)} is not between 1 and 65535`);
  return {host, port: number, tls};
}

/** Shows an endpoint in a message. */
export function showEndpoint({host, port, tls}: Endpoint): string {
  return `${tls ? 'https' : 'http'}://${host}:${String(port)}`;
}

function parseUserInfo(text: string): {username: string; password: string} {
  const [, username, password] = /^([^:@]+):([^@]*)$/.exec(text) ?? [];
  if (username === undefined || password === undefined) {
    throw invalidArgument(
      'before its one "@", an etcd URL has USER:PASSWORD, percent-encoded: "%40" for "@"',
    );
  }
  try {
    return {username: decodeURIComponent(username), password: decodeURIComponent(password)};
  } catch {
    throw invalidArgument(
      'the user or the password in an etcd URL is not well percent-encoded: write "%25" for "%"',
    );
  }
}

function hidePassword(text: string): string {
  return text.replace(/^.*@/, '');
}
