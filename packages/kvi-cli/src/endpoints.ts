/** Where a member of etcd listens. */
export interface Endpoint {
  host: string;
  port: number;
}

/** What a URL of etcd says. */
export interface Endpoints {
  isTls: boolean;
  /** Empty for a socket in the file system, and for other stores. */
  endpoints: Endpoint[];
}

/** Whether the store is reached by TLS. */
export function isSecure(url: string): boolean {
  return /^\s*(https|etcds|unixs):/i.test(url);
}

/** Parses a URL of etcd. */
export function endpointsOf(url: string): Endpoints {
  const [, scheme = '', rest = ''] = /^\s*([a-z]+):\/\/(.*?)\/?\s*$/i.exec(url) ?? [];
  if (!/^(https?|etcds?)$/i.test(scheme)) return {isTls: isSecure(url), endpoints: []};
  const hosts = rest.slice(rest.lastIndexOf('@') + 1).split(',');
  return {isTls: isSecure(url), endpoints: hosts.map(endpointOf)};
}

function endpointOf(text: string): Endpoint {
  const [, host = text, port] = /^(.*?)(?::(\d+))?$/.exec(text) ?? [];
  return {host: host.replace(/^\[(.*)\]$/, '$1'), port: port === undefined ? 2379 : Number(port)};
}

/** Whether a URL has a user and a password. */
export function hasUser(url: string | undefined): boolean {
  return url !== undefined && /^\s*[a-z]+:\/\/[^/]*@/i.test(url);
}
