import {invalidArgument} from 'kvi-core/driver';

/** A member of an etcd cluster: where it listens. */
export type Endpoint = TcpEndpoint | UnixEndpoint;

interface TcpEndpoint {
  /** A name or an address; an IPv6 address is in brackets, with its zone if it has one: `[fe80::1%eth0]`. */
  host: string;
  port: number;
  tls: boolean;
}

interface UnixEndpoint {
  /** The path of its socket. */
  path: string;
  tls: boolean;
}

/** What a URL holds. */
export interface Location {
  endpoints: Endpoint[];
  username?: string;
  password?: string;
}

/** etcd's port for clients. */
const defaultPort = 2379;

const schemes: Readonly<Record<string, boolean>> = {
  http: false,
  https: true,
  etcd: false,
  etcds: true,
  unix: false,
  unixs: true,
};

const expected =
  'expected http://HOST:PORT, https://HOST:PORT, etcd://HOST1:PORT,HOST2:PORT (etcds:// for TLS), or unix:///PATH';

/**
 * Parses a URL of one or more endpoints, separated by commas. Endpoints without a scheme have the scheme of the first. A user
 * and a password may precede the first host, percent-encoded.
 *
 * @throws `KVI_INVALID_ARGUMENT`, with a message that never shows the password
 */
export function parseUrl(url: string): Location {
  const [, scheme, rest] = /^([a-z]+):\/\/(.*)$/i.exec(url.trim()) ?? [];
  if (scheme === undefined || rest === undefined)
    throw invalidArgument(`missing scheme in the etcd URL; ${expected}`);
  // A path may hold any character.
  const at = rest.startsWith('/') ? -1 : rest.lastIndexOf('@');
  const hosts = rest.slice(at + 1).split(',');
  return {
    endpoints: hosts.map((host) => parseEndpoint(host.trim(), scheme)),
    ...(at === -1 ? {} : parseUserInfo(rest.slice(0, at))),
  };
}

/**
 * Parses an endpoint: `HOST`, `HOST:PORT`, or one of these with a scheme, or `unix:///PATH`.
 *
 * @param scheme - the default scheme
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function parseEndpoint(text: string, scheme = 'http'): Endpoint {
  const [, ownScheme = scheme, authority = ''] = /^(?:([a-z]+):\/\/)?(.*)$/i.exec(text) ?? [];
  const tls = schemes[ownScheme.toLowerCase()];
  if (tls === undefined) throw invalidArgument(`unknown scheme "${ownScheme}:"; ${expected}`);
  if (ownScheme.toLowerCase().startsWith('unix')) return {path: parsePath(authority), tls};
  const [, host, port, rest] =
    /^(\[[0-9a-f:.]+(?:%[^\]/?#@\s]+)?\]|[^:/?#@[\]\s]+)(?::(\d+))?(.*)$/i.exec(authority) ?? [];
  if (authority.includes('@')) {
    throw invalidArgument(
      'a user and a password go before the first host of a URL, or into the options username and password',
    );
  }
  if (host === undefined || rest === undefined) throw invalidArgument(`missing host; ${expected}`);
  // It may be a password whose host was forgotten.
  if (rest.startsWith(':')) throw invalidArgument(`the port of "${host}" is not a number; ${expected}`);
  if (rest !== '' && rest !== '/') {
    throw invalidArgument(`unexpected "${rest}" after the host "${host}"; ${expected}`);
  }
  const number = port === undefined ? defaultPort : Number(port);
  if (number < 1 || number > 65535) throw invalidArgument(`port ${String(port)} is not between 1 and 65535`);
  // In a URL, `%25` stands for the `%` of a zone.
  return {host: host.replace('%25', '%'), port: number, tls};
}

function parsePath(path: string): string {
  if (!/^\/[^/]/.test(path)) throw invalidArgument(`the path of a socket must be absolute; ${expected}`);
  return path;
}

/** Shows an endpoint in a message. */
export function showEndpoint(endpoint: Endpoint): string {
  const {tls} = endpoint;
  if ('path' in endpoint) return `${tls ? 'unixs' : 'unix'}://${endpoint.path}`;
  return `${tls ? 'https' : 'http'}://${endpoint.host}:${String(endpoint.port)}`;
}

/** Where to connect, as Node's sockets want it. */
export function addressOf(endpoint: Endpoint): {path: string} | {host: string; port: number} {
  return 'path' in endpoint
    ? {path: endpoint.path}
    : {host: withoutBrackets(endpoint.host), port: endpoint.port};
}

/** The name or address that the certificate of the endpoint must hold. */
export function certifiedName(endpoint: Endpoint): string {
  return 'path' in endpoint ? 'localhost' : withoutBrackets(endpoint.host).replace(/%.*/, '');
}

/** How an HTTP request names the endpoint. A zone is of no use to anybody else. */
export function authorityOf(endpoint: Endpoint): string {
  return 'path' in endpoint ? 'localhost' : `${endpoint.host.replace(/%[^\]]*/, '')}:${endpoint.port}`;
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

function parseUserInfo(text: string): {username: string; password: string} {
  const [, username, password] = /^([^:@,/]+):([^@,/]*)$/.exec(text) ?? [];
  if (username === undefined || password === undefined) {
    throw invalidArgument(
      'expected USER:PASSWORD before the "@" of the etcd URL, and before the first host, percent-encoded ("%40" stands for "@", "%2C" for ",")',
    );
  }
  try {
    return {username: decodeURIComponent(username), password: decodeURIComponent(password)};
  } catch {
    throw invalidArgument(
      'malformed percent-encoding in the user or password of the etcd URL ("%25" stands for "%")',
    );
  }
}
