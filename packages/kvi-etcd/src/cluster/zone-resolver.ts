import {experimental} from './grpc.ts';

const scheme = 'ipv6-zone';

/**
 * Resolves `ipv6-zone:[fe80::1%eth0]:2379`. gRPC's own resolver of addresses names the server by what it connects to, and
 * makes a URL of that, which cannot hold a zone.
 */
class ZoneResolver implements experimental.Resolver {
  readonly #target: experimental.GrpcUri;
  readonly #listener: experimental.ResolverListener;

  constructor(target: experimental.GrpcUri, listener: experimental.ResolverListener) {
    this.#target = target;
    this.#listener = listener;
  }

  static getDefaultAuthority({path}: experimental.GrpcUri): string {
    return path.replace(/%[^\]]*/, '');
  }

  updateResolution(): void {
    const {host = '', port = 0} = experimental.splitHostPort(this.#target.path) ?? {};
    const endpoints = [{addresses: [{host, port}]}];
    process.nextTick(() => this.#listener(experimental.statusOrFromValue(endpoints), {}, null, ''));
  }

  destroy(): void {
    // It holds nothing.
  }
}

experimental.registerResolver(scheme, ZoneResolver);

/** The target of a gRPC channel. With a scheme, because a host could be named like one of gRPC's resolvers. */
export function dnsTarget(host: string, port: number): string {
  return `${host.includes('%') ? scheme : 'dns'}:${host}:${String(port)}`;
}
