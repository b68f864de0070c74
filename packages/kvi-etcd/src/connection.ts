/**
 * The one file that uses gRPC and npm etcd3: channels to the members of a cluster, and etcd's services on them. Of etcd3 it
 * uses the protocol, which `Host` holds, and the generated clients; not its pool, its retries or its circuit breakers, which
 * send writes again and close channels under other calls.
 */
import {
  Channel,
  type ChannelOptions,
  type ClientUnaryCall,
  connectivityState,
  credentials,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import {AuthClient, type ICallable, KVClient, LeaseClient, WatchClient} from 'etcd3';
import {Host} from 'etcd3/lib/connection-pool.js';
import {EventEmitter, once} from 'node:events';
import {type Endpoint, showEndpoint} from './endpoints.ts';

/** How to reach the members of a cluster. */
export interface MembersOptions {
  endpoints: readonly Endpoint[];
  /** The certificates to trust, in PEM. Default: those that Node trusts. */
  ca?: Buffer | undefined;
  /** With `key`: this client's certificate, in PEM. */
  cert?: Buffer | undefined;
  key?: Buffer | undefined;
}

/** A member, and the channel to it. */
export interface Member {
  readonly name: string;
  readonly channel: Channel;
  readonly host: Host;
}

/** The members of a cluster, and which of them to ask. */
export interface Members {
  /** All of them, for a message. */
  readonly name: string;
  /** Finds a connected member, or waits until there is one. When none can be connected, any: calling it says why. */
  connected(ended: AbortSignal): Promise<Member>;
  /** The next call had better try another member. */
  avoid(member: Member): void;
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
  // gRPC's 4 MiB would refuse a large answer after the work is done, and break a watch for ever. etcd bounds requests.
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // A peer that vanished without a word is noticed after 15 s. etcd ends the connection of a client that pings more often
  // than every 5 s, or at all without a call (embed.DefaultGRPCKeepAliveMinTime, PermitWithoutStream).
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 0,
  // gRPC waits up to two minutes before it tries a dead server again, which is long after a restart is over.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
};

/** Creates the channels; each connects when it is first needed. */
export function createMembers(options: MembersOptions): Members {
  const members = options.endpoints.map((endpoint) => createMember(endpoint, options));
  /** Emits `change` when the state of any channel changes. */
  const states = new EventEmitter().setMaxListeners(0);
  /** The member that is asked if it is connected. Starts anywhere, so that clients spread over the members. */
  let preferred = Math.floor(Math.random() * members.length);
  let closed = false;

  for (const {channel} of members) followState(channel);

  function followState(channel: Channel): void {
    channel.watchConnectivityState(channel.getConnectivityState(false), Infinity, () => {
      if (closed) return;
      states.emit('change');
      followState(channel);
    });
  }

  async function connected(ended: AbortSignal): Promise<Member> {
    for (;;) {
      const inOrder = [...members.slice(preferred), ...members.slice(0, preferred)];
      // Asking connects those that come before the one that is taken, so that the next call finds them.
      const ready = inOrder.find(
        ({channel}) => channel.getConnectivityState(true) === connectivityState.READY,
      );
      if (ready !== undefined) return ready;
      const [first] = inOrder;
      if (first !== undefined && inOrder.every(hasFailed)) return first;
      await stateChange(ended);
    }
  }

  async function stateChange(signal: AbortSignal): Promise<void> {
    // gRPC's connection attempts do not keep the process alive; whoever waits for one does, as a call does.
    const hold = setInterval(() => undefined, 2 ** 31 - 1);
    try {
      await once(states, 'change', {signal});
    } finally {
      clearInterval(hold);
    }
  }

  function avoid(member: Member): void {
    const index = members.indexOf(member);
    if (index === preferred) preferred = (index + 1) % members.length;
  }

  return {
    name: members.map(({name}) => name).join(', '),
    connected,
    avoid,
    close() {
      closed = true;
      for (const {channel} of members) channel.close();
    },
  };
}

function createMember(endpoint: Endpoint, {ca, cert, key}: MembersOptions): Member {
  const target = `${endpoint.host}:${String(endpoint.port)}`;
  const security = endpoint.tls ? credentials.createSsl(ca, key, cert) : credentials.createInsecure();
  // With a scheme, since a host's name could be that of a resolver of gRPC.
  const channel = new Channel(`dns:${target}`, security, channelOptions);
  // One channel for all services of the member; Host alone would open one for each.
  return {
    name: showEndpoint(endpoint),
    channel,
    host: new Host(target, security, {channelOverride: channel}),
  };
}

function hasFailed({channel}: Member): boolean {
  return channel.getConnectivityState(false) === connectivityState.TRANSIENT_FAILURE;
}

/** etcd's services, as npm etcd3 generates their clients. */
export interface Services {
  kv: KVClient;
  lease: LeaseClient;
  watch: WatchClient;
  auth: AuthClient;
}

/**
 * The services of one member, for one call or stream.
 *
 * @param metadata sent along; what is undefined is left out
 * @param ended cancels unary calls when it aborts
 */
export function servicesOf(
  host: Host,
  metadata: Readonly<Record<string, string | undefined>>,
  ended: AbortSignal,
): Services {
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

function headersOf(entries: Readonly<Record<string, string | undefined>>): Metadata {
  const result = new Metadata();
  for (const [key, value] of Object.entries(entries)) if (value !== undefined) result.set(key, value);
  return result;
}

/** Whether this is how a gRPC call fails. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}
