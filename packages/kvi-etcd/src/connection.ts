/**
 * The one file that knows gRPC. Of npm etcd3 it uses the protocol (`Host` holds it) and the generated clients; not its
 * pool, its retries or its circuit breakers, which send writes again and close channels under other calls.
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
  type StatusObject,
} from '@grpc/grpc-js';
import {AuthClient, type ICallable, type IDuplexStream, KVClient, LeaseClient, WatchClient} from 'etcd3';
import {Host} from 'etcd3/lib/connection-pool.js';
import {
  closed,
  type DriverCallOptions,
  isKviError,
  KviError,
  orAborted,
  systemClock,
  within,
} from 'kvi-core/driver';
import {EventEmitter, once, setMaxListeners} from 'node:events';
import {authenticator} from './authenticator.ts';
import {type Endpoint, showEndpoint} from './endpoints.ts';
import {type Call, isAuthNotEnabled, isTokenRefused, toKviError, unknownOutcome} from './failures.ts';

/** How to reach a cluster. */
export interface ConnectionOptions {
  endpoints: readonly Endpoint[];
  /** With `password`: who calls. */
  username?: string | undefined;
  password?: string | undefined;
  /** The certificates to trust, in PEM. Default: those that Node trusts. */
  ca?: Buffer | undefined;
  /** With `key`: this client's certificate, in PEM. */
  cert?: Buffer | undefined;
  key?: Buffer | undefined;
}

/** etcd's services, as npm etcd3 generates their clients. */
export interface Services {
  kv: KVClient;
  lease: LeaseClient;
  watch: WatchClient;
  auth: AuthClient;
}

/** What a stream tells. After {@link StreamListener.onEnd}, nothing more. */
export interface StreamListener<R> {
  onResponse: (response: R) => void;
  /** The stream broke, or the server or `close` ended it. */
  onEnd: (error: KviError) => void;
}

/** The sending side of an open stream. */
export interface RequestStream<Q> {
  write(request: Q): void;
  /** Ends the stream; its listener hears no more of it. */
  cancel(): void;
  /**
   * The server refused the token that the stream was opened with, which it has for its whole life.
   *
   * @returns whether there are credentials to fetch another with
   */
  tokenRefused(): boolean;
}

/** Channels to the members of a cluster. */
export interface Connection {
  /** The endpoints, for a message. */
  readonly name: string;
  /** Runs `body` until it ends, the time is up, or the caller or `close` ends it. */
  limited<R>(limits: DriverCallOptions, body: (ended: AbortSignal) => Promise<R>): Promise<R>;
  /** Calls one method, once, on a member that is connected. */
  call<R>(call: Call, limits: DriverCallOptions, send: (services: Services) => Promise<R>): Promise<R>;
  /**
   * Opens a stream to a member that has a leader; it breaks when the member loses it.
   *
   * @param signal ends the opening, not the stream
   * @throws as a read does
   */
  stream<Q, R>(
    name: string,
    open: (services: Services) => Promise<IDuplexStream<Q, R>>,
    listener: StreamListener<R>,
    signal: AbortSignal,
  ): Promise<RequestStream<Q>>;
  /** Ends every call and stream, and closes the channels. */
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

/** How long fetching a token may take: a password check costs etcd up to a tenth of a second, one at a time. */
const authenticateTimeoutMs = 10_000;

/** A member, and the channel to it. */
interface Member {
  name: string;
  channel: Channel;
  host: Host;
}

/** Creates channels; each connects when it is first needed. */
export function connect(options: ConnectionOptions): Connection {
  const members = options.endpoints.map((endpoint) => createMember(endpoint, options));
  const name = members.map((member) => member.name).join(', ');
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  /** Emits `change` when the state of any channel changes. */
  const states = new EventEmitter().setMaxListeners(0);
  /** The member that is asked if it is connected. Starts anywhere, so that clients spread over the members. */
  let preferred = Math.floor(Math.random() * members.length);

  for (const {channel} of members) followState(channel);

  const {username, password} = options;
  const auth = authenticator(
    username === undefined || password === undefined ? undefined : () => authenticate(username, password),
  );

  function followState(channel: Channel): void {
    channel.watchConnectivityState(channel.getConnectivityState(false), Infinity, () => {
      if (closing.signal.aborted) return;
      states.emit('change');
      followState(channel);
    });
  }

  /** Finds a connected member, or waits until there is one. When none can be connected, any: calling it says why. */
  async function connectedMember(ended: AbortSignal): Promise<Member> {
    for (;;) {
      const inOrder = [...members.slice(preferred), ...members.slice(0, preferred)];
      const ready = inOrder.find(
        ({channel}) => channel.getConnectivityState(false) === connectivityState.READY,
      );
      if (ready !== undefined) return ready;
      const found = inOrder.map(({channel}) => channel.getConnectivityState(true));
      const [first] = inOrder;
      if (first !== undefined && found.every((state) => state === connectivityState.TRANSIENT_FAILURE))
        return first;
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

  /** The next call had better try another member. */
  function avoid(member: Member): void {
    const index = members.indexOf(member);
    if (index === preferred) preferred = (index + 1) % members.length;
  }

  function limited<R>(limits: DriverCallOptions, body: (ended: AbortSignal) => Promise<R>): Promise<R> {
    return within(systemClock, {...limits, closing: closing.signal}, body);
  }

  /** @param token asks for the token to send; a call that fetches one has none */
  async function callWith<R>(
    call: Call,
    limits: DriverCallOptions,
    token: () => Promise<string | undefined>,
    send: (services: Services) => Promise<R>,
  ): Promise<R> {
    let sentTo: Member | undefined;

    async function attempt(ended: AbortSignal, mayRefresh: boolean): Promise<R> {
      const sentToken = await orAborted(token(), ended);
      const member = await connectedMember(ended);
      ended.throwIfAborted();
      sentTo = member;
      try {
        return await send(servicesOf(member, metadata({token: sentToken}), ended));
      } catch (error) {
        if (ended.aborted || !isServiceError(error)) throw error;
        sentTo = undefined;
        if (mayRefresh && isTokenRefused(error) && auth.refused(sentToken)) return attempt(ended, false);
        const kviError = toKviError(error, call);
        if (isKviError(kviError, 'KVI_UNAVAILABLE', 'KVI_UNKNOWN_OUTCOME')) avoid(member);
        throw kviError;
      }
    }

    try {
      return await limited(limits, (ended) => attempt(ended, true));
    } catch (error) {
      // Cut short from here: by the timeout, the signal or `close`.
      if (sentTo !== undefined && isKviError(error)) {
        if (error.code === 'KVI_TIMEOUT') avoid(sentTo);
        if (call.write) throw unknownOutcome(call, error);
      }
      throw isKviError(error, 'KVI_TIMEOUT') ? timedOut(call, error) : error;
    }
  }

  function timedOut(call: Call, error: KviError): KviError {
    return new KviError(
      'KVI_TIMEOUT',
      `${call.describe()}: ${error.message}; nothing was changed (${name})`,
      {
        cause: error.cause,
      },
    );
  }

  async function authenticate(name: string, password: string): Promise<string | undefined> {
    const call = {write: false, describe: () => `authenticate as ${JSON.stringify(name)}`};
    try {
      const {token} = await callWith(
        call,
        {timeoutMs: authenticateTimeoutMs},
        () => Promise.resolve(undefined),
        ({auth}) => auth.authenticate({name, password}),
      );
      return token;
    } catch (error) {
      // As etcd's own client does: a service that has credentials also runs against an etcd that asks for none.
      if (isKviError(error) && isServiceError(error.cause) && isAuthNotEnabled(error.cause)) return undefined;
      throw error;
    }
  }

  async function openStream<Q, R>(
    name: string,
    open: (services: Services) => Promise<IDuplexStream<Q, R>>,
    listener: StreamListener<R>,
    signal: AbortSignal,
  ): Promise<RequestStream<Q>> {
    const call: Call = {write: false, describe: () => name};
    return limited({signal}, async (ended) => {
      const token = await orAborted(auth.token(), ended);
      const member = await connectedMember(ended);
      ended.throwIfAborted();
      // A member that is cut off from its cluster then ends the stream, instead of keeping silent.
      const services = servicesOf(member, metadata({token, hasleader: 'true'}), ended);
      const stream = await open(services);
      let over = false;

      function end(error: KviError): void {
        if (over) return;
        over = true;
        closing.signal.removeEventListener('abort', onClose);
        listener.onEnd(error);
      }

      function onClose(): void {
        end(closed());
        stream.cancel();
      }

      closing.signal.addEventListener('abort', onClose, {once: true});
      stream.on('data', (response) => {
        if (!over) listener.onResponse(response);
      });
      // `status` tells it too, and also when the server ends the stream in peace.
      stream.on('error', () => undefined);
      stream.on('status', (status: StatusObject) => {
        const error = toKviError(status, call);
        if (isTokenRefused(status) && auth.refused(token)) {
          // The next stream has another token.
          end(new KviError('KVI_UNAVAILABLE', error.message, {cause: status}));
        } else {
          avoid(member);
          end(error);
        }
      });
      return {
        write: (request) => {
          stream.write(request);
        },
        cancel() {
          over = true;
          closing.signal.removeEventListener('abort', onClose);
          stream.cancel();
        },
        tokenRefused: () => auth.refused(token),
      };
    });
  }

  return {
    name,
    limited,
    call: (call, limits, send) => callWith(call, limits, () => auth.token(), send),
    stream: openStream,
    close() {
      closing.abort(closed());
      for (const {channel} of members) channel.close();
    },
  };
}

function createMember(endpoint: Endpoint, {ca, cert, key}: ConnectionOptions): Member {
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

/** @param ended cancels unary calls when it aborts */
function servicesOf({host}: Member, metadata: Metadata, ended: AbortSignal): Services {
  const transport: ICallable<Host> = {
    callOptionsFactory: undefined,
    exec: (service, method, request) => unary(clientOf(host, service), method, request, metadata, ended),
    withConnection: async (service, open) =>
      open({resource: host, client: clientOf(host, service), metadata}),
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
  metadata: Metadata,
  ended: AbortSignal,
): Promise<R> {
  return new Promise((resolve, reject) => {
    const call = client[method]?.(request, metadata, (error: ServiceError | null, response: R) => {
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

function metadata(entries: Readonly<Record<string, string | undefined>>): Metadata {
  const result = new Metadata();
  for (const [key, value] of Object.entries(entries)) if (value !== undefined) result.set(key, value);
  return result;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}
