import {isSecure} from './connection.ts';

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

/** Takes a URL apart, as far as it is one of etcd. */
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
