/** gRPC (see also `credentials.ts`): a channel to one member, and calls and streams on it. */
import {
  Channel,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientUnaryCall,
  connectivityState,
  Metadata,
  type ServiceError,
} from './grpc.ts';
import type {Method} from '../wire/etcd.ts';
import type {CertificateSource} from './certificates.ts';
import {connectionCredentials} from './credentials.ts';
import {certifiedName, type Endpoint} from './endpoints.ts';
import {dnsTarget} from './zone-resolver.ts';

/** How connections to members begin. */
export interface ConnectionOptions {
  /** The certificates for TLS, asked for with each connection. */
  certificates?: CertificateSource | undefined;
  /** The name that a member's certificate must hold. Default: the host of its endpoint. */
  serverName?: string | undefined;
}

/** `pending` may become either of the others; a `failed` connection is tried again now and then. */
export type ConnectionState = 'ready' | 'pending' | 'failed';

/** A channel to a member. Once asked to connect, it connects again by itself unless it stood idle. */
export interface Connection {
  readonly state: ConnectionState;
  /** Starts to connect, if the connection is idle. */
  connect(): void;
  /** Sends a request, and calls back once, with the response or the error. */
  call<Q, R>(
    method: Method<Q, R>,
    request: Q,
    headers: Headers,
    onResponse: (response: R) => void,
    onError: (error: ServiceError) => void,
  ): Cancellable;
  /** Opens a stream. */
  stream<Q, R>(method: Method<Q, R>, headers: Headers): Stream<Q, R>;
  /** Stops connecting. Calls under way may end. */
  close(): void;
}

export type {ServiceError};
export type Headers = Metadata;
export type Cancellable = Pick<ClientUnaryCall, 'cancel'>;
export type Stream<Q, R> = ClientDuplexStream<Q, R>;

const channelOptions: ChannelOptions = {
  // Handles do not share sockets, so `close` closes them.
  'grpc.use_local_subchannel_pool': 1,
  // Only kvi-core decides what may be sent again.
  'grpc.enable_retries': 0,
  // A TXT record in DNS could turn retries on.
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_channelz': 0,
  // `http_proxy` is set for browsing the web, not for etcd.
  'grpc.enable_http_proxy': 0,
  // gRPC's 4 MiB would refuse a large response after the work is done, and break a watch for ever. etcd limits requests.
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // A peer that vanishes is noticed after 10 s. etcd disconnects a client that pings more often than every 5 s, or at all
  // without a call (embed.DefaultGRPCKeepAliveMinTime, PermitWithoutStream).
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 4_000,
  'grpc.keepalive_permit_without_calls': 0,
  // By default, gRPC waits up to two minutes before it tries a dead server again: much longer than a restart takes.
  'grpc.initial_reconnect_backoff_ms': 100,
  // By default, gRPC resolves a name again only after 30 s: a server that moved would be unreachable until then.
  'grpc.dns_min_time_between_resolutions_ms': 1_000,
  'grpc.max_reconnect_backoff_ms': 1_000,
};

/** @param onChange - called when {@link Connection.state} may have changed */
export function connectTo(endpoint: Endpoint, options: ConnectionOptions, onChange: () => void): Connection {
  const {certificates = () => ({}), serverName = certifiedName(endpoint)} = options;
  const security = connectionCredentials(endpoint.tls ? {certificates, serverName} : undefined);
  const target = 'path' in endpoint ? `unix:${endpoint.path}` : dnsTarget(endpoint.host, endpoint.port);
  const channel = new Channel(target, security, channelOptions);
  const client = new Client(target, security, {channelOverride: channel});
  let state: ConnectionState = 'pending';
  let closed = false;

  function follow(): void {
    const current = channel.getConnectivityState(false);
    state = stateOf(current);
    channel.watchConnectivityState(current, Infinity, () => {
      if (closed) return;
      follow();
      onChange();
    });
  }
  follow();

  return {
    get state() {
      return state;
    },
    connect() {
      if (!closed) channel.getConnectivityState(true);
    },
    call: <Q, R>(
      {path, encode, decode}: Method<Q, R>,
      request: Q,
      headers: Headers,
      onResponse: (response: R) => void,
      onError: (error: ServiceError) => void,
    ) =>
      withoutStack(() =>
        client.makeUnaryRequest(path, encode, decode, request, headers, (error, response) => {
          if (error === null) onResponse(response as R);
          else onError(error);
        }),
      ),
    stream: ({path, encode, decode}, headers) => client.makeBidiStreamRequest(path, encode, decode, headers),
    close() {
      closed = true;
      state = 'failed';
      channel.close();
    },
  };
}

/** gRPC captures a stack for each call, to add it to an error that has one already: a tenth of the time that a call takes. */
function withoutStack<R>(call: () => R): R {
  const {stackTraceLimit} = Error;
  Error.stackTraceLimit = 0;
  try {
    return call();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function stateOf(state: connectivityState): ConnectionState {
  if (state === connectivityState.READY) return 'ready';
  return state === connectivityState.TRANSIENT_FAILURE ? 'failed' : 'pending';
}

/** What is sent along with calls. */
export interface CallHeaders {
  readonly any: Headers;
  /** Has a member that knows no leader refuse, instead of keeping the caller waiting. */
  readonly requireLeader: Headers;
}

export function callHeaders(token?: string): CallHeaders {
  const any = new Metadata();
  if (token !== undefined) any.set('token', token);
  const requireLeader = any.clone();
  requireLeader.set('hasleader', 'true');
  return {any, requireLeader};
}

/** Whether a gRPC call fails like this. */
export function isServiceError(error: unknown): error is ServiceError {
  return typeof error === 'object' && error !== null && 'code' in error && 'details' in error;
}
