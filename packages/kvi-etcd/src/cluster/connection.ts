/**
 * The one file that uses gRPC and npm etcd3 (beside `credentials.ts`): channels to members, and etcd's services on them. Of etcd3 it
 * uses the protocol, which `Host` holds, and the generated clients; not its pool, its retries or its circuit breakers, which
 * send writes again and close channels under other calls.
 */
import {
  Channel,
  type ChannelOptions,
  type ClientUnaryCall,
  connectivityState,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import {AuthClient, ClusterClient, type ICallable, KVClient, LeaseClient, WatchClient} from 'etcd3';
import {Host} from 'etcd3/lib/connection-pool.js';
import {type CertificateSource, connectionCredentials} from './credentials.ts';
import type {Endpoint} from './endpoints.ts';

/** How connections to members begin. */
export interface ConnectionOptions {
  /** The certificates for TLS, asked for with each connection. */
  certificates?: CertificateSource | undefined;
  /** The name that a member's certificate must hold. Default: the host of its endpoint. */
  serverName?: string | undefined;
}

/** `pending` may become either of the others; `failed` is tried again now and then. */
export type ConnectionState = 'ready' | 'pending' | 'failed';

/** A channel to a member, which connects when it is needed and again when it broke. */
export interface Connection {
  /** How it is; asking makes it connect if it is not connected. */
  state(): ConnectionState;
  /** The services of the member, for one call or stream; see {@link servicesOf}. */
  services(metadata: CallMetadata, ended: AbortSignal): Services;
  /** Connects no more. Calls that are under way may end. */
  close(): void;
}

const channelOptions: ChannelOptions = {
  // A handle's sockets are its own: `close` really closes them.
  'grpc.use_local_subchannel_pool': 1,
  // gRPC would send again by its own rules; what may be sent again is decided in one place, kvi-core.
  'grpc.enable_retries': 0,
  // Nor may a TXT record of the name server turn that on.
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_channelz': 0,
  // `http_proxy` is set for browsing the web; an address of etcd says where etcd is.
  'grpc.enable_http_proxy': 0,
  // gRPC's 4 MiB would refuse a large answer after the work is done, and break a watch for ever. etcd bounds requests.
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // A peer that vanished without a word is noticed after 10 s. etcd ends the connection of a client that pings more often
  // than every 5 s, or at all without a call (embed.DefaultGRPCKeepAliveMinTime, PermitWithoutStream).
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 4_000,
  'grpc.keepalive_permit_without_calls': 0,
  // gRPC waits up to two minutes before it tries a dead server again, which is long after a restart is over.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
};

/** @param onChange called when {@link Connection.state} has changed */
export function connectTo(endpoint: Endpoint, options: ConnectionOptions, onChange: () => void): Connection {
  const target = `${endpoint.host}:${String(endpoint.port)}`;
  const security = connectionCredentials(endpoint.tls ? (options.certificates ?? (() => ({}))) : undefined);
  // With a scheme, since a host's name could be that of a resolver of gRPC.
  const channel = new Channel(`dns:${target}`, security, {
    ...channelOptions,
    ...(options.serverName === undefined ? {} : {'grpc.ssl_target_name_override': options.serverName}),
  });
  // One channel for all services of the member; Host alone would open one for each.
  const host = new Host(target, security, {channelOverride: channel});
  let closed = false;

  function follow(): void {
    channel.watchConnectivityState(channel.getConnectivityState(false), Infinity, () => {
      if (closed) return;
      onChange();
      follow();
    });
  }
  follow();

  return {
    state() {
      if (closed) return 'failed';
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) return 'ready';
      return state === connectivityState.TRANSIENT_FAILURE ? 'failed' : 'pending';
    },
    services: (metadata, ended) => servicesOf(host, metadata, ended),
    close() {
      closed = true;
      channel.close();
    },
  };
}

/** etcd's services, as npm etcd3 generates their clients. */
export interface Services {
  kv: KVClient;
  lease: LeaseClient;
  watch: WatchClient;
  auth: AuthClient;
  cluster: ClusterClient;
}

/** Sent along with a call; what is undefined is left out. */
export type CallMetadata = Readonly<Record<string, string | undefined>>;

/** @param ended cancels unary calls when it aborts */
function servicesOf(host: Host, metadata: CallMetadata, ended: AbortSignal): Services {
  const headers = headersOf(metadata);
  const transport: ICallable<Host> = {
    callOptionsFactory: undefined,
    exec: (service, method, request) => unary(clientOf(host, service), method, request, headers, ended),
    withConnection: async (service, open) =>
      open({resource: host, client: clientOf(host, service), metadata: headers}),
    markFailed: () => undefined,
  };
  return {
    kv: new KVClient(transport),
    lease: new LeaseClient(transport),
    watch: new WatchClient(transport),
    auth: new AuthClient(transport),
    cluster: new ClusterClient(transport),
  };
}

type ServiceClient = InstanceType<ServiceClientConstructor>;

/** `Host` makes its clients with grpc-js's `loadPackageDefinition`, which gives them a method for each of the service's. */
function clientOf(host: Host, service: Parameters<Host['getServiceClient']>[0]): ServiceClient {
  return host.getServiceClient(service) as ServiceClient;
}

function unary<R>(
  client: ServiceClient,
  method: string,
  request: unknown,
  headers: Metadata,
  ended: AbortSignal,
): Promise<R> {
  return new Promise((resolve, reject) => {
    const call = client[method]?.(request, headers, (error: ServiceError | null, response: R) => {
      ended.removeEventListener('abort', cancel);
      if (error === null) resolve(response);
      else reject(error);
    }) as ClientUnaryCall;
    function cancel() {
      call.cancel();
    }
    ended.addEventListener('abort', cancel, {once: true});
  });
}

function headersOf(entries: CallMetadata): Metadata {
  const result = new Metadata();
  for (const [key, value] of Object.entries(entries)) if (value !== undefined) result.set(key, value);
  return result;
}

/** Whether this is how a gRPC call fails. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}
