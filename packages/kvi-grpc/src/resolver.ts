import {inspect} from 'node:util';
import {experimental, status} from '@grpc/grpc-js';
import {checkHandle, type Input, isKviError, type Kvi, KviError} from 'kvi-core';
import {discover, type Discovery, type Instance} from 'kvi-core/recipes';

/** Options of {@link registerKviResolver}. */
export interface KviResolverOptions {
  /** What targets begin with. Default `kvi`, for `kvi:///checkout`. With `etcd`, targets are those of Go's clients. */
  scheme?: string | undefined;
}

/** The port of an address that names none, as in grpc-js. */
const defaultPort = 443;

/**
 * Lets gRPC clients of this process find the instances of a service that `register` lists, or Go's
 * `client/v3/naming/endpoints`:
 *
 * ```ts
 * registerKviResolver(kv);
 * const client = new Client('kvi:///checkout', credentials.createInsecure(), {
 *   'grpc.service_config': JSON.stringify({loadBalancingConfig: [{round_robin: {}}]}),
 * });
 * ```
 *
 * A channel follows the instances as long as it is in use. While the store cannot be reached, or once the handle was closed,
 * it goes on with the ones that it knows. Where there is none, calls wait or fail as the channel's load balancing has it.
 *
 * A scheme stays registered, and a later call for it counts for the channels that are made from then on. To choose another
 * handle, call it again; to end it, close the channels.
 *
 * @param kv - the handle to follow the instances on. Closing the channels does not close it.
 * @throws `KVI_INVALID_ARGUMENT` for what is no handle of kvi's, or a scheme that no target can begin with. A name that
 *   `discover` refuses fails the calls.
 * @see https://github.com/etcd-io/etcd/blob/main/client/v3/naming/resolver/resolver.go
 */
export function registerKviResolver(kv: Kvi<Input>, options: KviResolverOptions = {}): void {
  checkHandle(kv);
  const scheme = schemeOf(options);

  class KviResolver implements experimental.Resolver {
    readonly #target: string;
    readonly #listener: experimental.ResolverListener;
    readonly #retry = new experimental.BackoffTimeout(() => this.updateResolution());
    #discovery: Discovery | undefined;

    constructor({path}: experimental.GrpcUri, listener: experimental.ResolverListener) {
      this.#target = path;
      this.#listener = listener;
      this.#retry.unref();
    }

    /** What a certificate has to name, unless the channel's options say otherwise. grpc-js makes a URL of it. */
    static getDefaultAuthority({path}: experimental.GrpcUri): string {
      return path.replaceAll(/[^\w.-]/g, '-');
    }

    /** Begins to follow the instances. gRPC asks again whenever a connection fails, though it is told of each change. */
    updateResolution(): void {
      if (this.#discovery !== undefined || this.#retry.isRunning()) return;
      this.#discovery = discover(kv, this.#target);
      void this.#follow(this.#discovery);
    }

    destroy(): void {
      this.#retry.stop();
      this.#retry.reset();
      void this.#discovery?.return?.();
      this.#discovery = undefined;
    }

    async #follow(discovery: Discovery): Promise<void> {
      try {
        for await (const instances of discovery) {
          // It was destroyed, or has begun anew.
          if (this.#discovery !== discovery) return;
          this.#retry.reset();
          const endpoints = endpointsOf(instances.values());
          this.#listener(experimental.statusOrFromValue(endpoints), {}, null, `instances of ${this.#target}`);
        }
      } catch (error) {
        if (this.#discovery !== discovery) return;
        this.#discovery = undefined;
        // A channel that has addresses keeps them.
        const details = `the instances of ${this.#target} cannot be followed: ${String(error)}`;
        this.#listener(experimental.statusOrFromError({code: status.UNAVAILABLE, details}), {}, null, '');
        if (!isKviError(error, 'KVI_CLOSED', 'KVI_INVALID_ARGUMENT')) this.#retry.runOnce();
      }
    }
  }

  experimental.registerResolver(scheme, KviResolver);
}

/** @throws `KVI_INVALID_ARGUMENT` */
function schemeOf(options: KviResolverOptions): string {
  if (typeof options !== 'object' || options === null) throw invalid('options must be an object', options);
  const unknown = Object.keys(options).find((name) => name !== 'scheme');
  if (unknown !== undefined) throw invalid('the only option is scheme', unknown);
  const {scheme = 'kvi'} = options;
  if (typeof scheme !== 'string' || !/^[a-z][a-z0-9+.-]*$/i.test(scheme)) {
    throw invalid('scheme must be that of a URI', scheme);
  }
  return scheme;
}

function invalid(rule: string, value: unknown): KviError {
  return new KviError('KVI_INVALID_ARGUMENT', `${rule}, not ${inspect(value)}`);
}

/** Where to connect to. What grpc-js cannot connect to is passed over. */
function endpointsOf(instances: Iterable<Instance>): experimental.Endpoint[] {
  return Array.from(instances, ({addr}) => addressOf(addr))
    .filter((address) => address !== undefined)
    .map((address) => ({addresses: [address]}));
}

/** Reads `host:port`, `[v6]:port`, or `unix:path` as https://github.com/grpc/grpc/blob/master/doc/naming.md has it. */
function addressOf(addr: string): experimental.SubchannelAddress | undefined {
  if (addr.startsWith('unix:')) return {path: addr.replace(/^unix:(\/\/(?=\/))?/, '')};
  const parts = experimental.splitHostPort(addr);
  return parts === null ? undefined : {host: parts.host, port: parts.port ?? defaultPort};
}
