import type {IDuplexStream} from 'etcd3';
import {
  closed,
  type DriverCallOptions,
  isKviError,
  KviError,
  orAborted,
  systemClock,
  type Timer,
  within,
} from 'kvi-core/driver';
import {setMaxListeners} from 'node:events';
import {authenticator} from './authenticator.ts';
import {type ConnectionOptions, isServiceError, type Services} from './connection.ts';
import type {Endpoint} from './endpoints.ts';
import {
  type Call,
  type GrpcFailure,
  isAuthNotEnabled,
  isTokenRefused,
  toKviError,
  unknownOutcome,
} from './failures.ts';
import {askTimeoutMs, followMembership} from './membership.ts';
import {createMembers, type Member} from './members.ts';

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
  /** The member does not answer: the next call and stream had better go to another. */
  avoid(reason: string): void;
  /**
   * The server refused the token that the stream was opened with, which it has for its whole life.
   *
   * @returns whether there are credentials to fetch another with
   */
  tokenRefused(): boolean;
}

/** How to reach a cluster, and as whom. */
export interface ClientOptions extends ConnectionOptions {
  endpoints: readonly Endpoint[];
  /** Milliseconds between two looks at the cluster's membership. Absent: the endpoints stay as they are. */
  membershipIntervalMs?: number | undefined;
  /** With `password`: who calls. */
  username?: string | undefined;
  password?: string | undefined;
}

/** Calls and streams to a cluster. */
export interface Client {
  /** The endpoints, for a message. */
  readonly name: string;
  /** Runs `body` until it ends, the time is up, or the caller or `close` ends it. */
  limited<R>(limits: DriverCallOptions, body: (ended: AbortSignal) => Promise<R>): Promise<R>;
  /**
   * Calls one method on a member that is connected. A write is sent once; a read that a member leaves without an answer
   * for {@link silenceMs} is sent to another.
   */
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

/** How long fetching a token may take: a password check costs etcd up to a tenth of a second, one at a time. */
const authenticateTimeoutMs = 10_000;

/**
 * A member that leaves a call unanswered for so long may hang, or be cut off from its cluster: it is asked last from then
 * on. Each time that all members have been asked in vain, it is twice as long, so that slow reads find an end too.
 */
const silenceMs = 1_000;

/** Connects when it is first needed. */
export function createClient(options: ClientOptions): Client {
  const members = createMembers(options.endpoints, options);
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const {username, password} = options;
  const auth = authenticator(
    username === undefined || password === undefined ? undefined : () => authenticate(username, password),
  );

  function limited<R>(limits: DriverCallOptions, body: (ended: AbortSignal) => Promise<R>): Promise<R> {
    return within(systemClock, {...limits, closing: closing.signal}, body);
  }

  /**
   * @param token asks for the token to send; a call that fetches one has none
   * @param on the one member to call; absent: one that is connected
   */
  async function callWith<R>(
    call: Call,
    limits: DriverCallOptions,
    token: () => Promise<string | undefined>,
    send: (services: Services) => Promise<R>,
    on?: Member,
  ): Promise<R> {
    let sentTo: Member | undefined;
    let mayRefresh = true;

    async function attempt(ended: AbortSignal, earlier: number): Promise<R> {
      const sentToken = await orAborted(token(), ended);
      const member = on ?? (await members.connected(ended));
      ended.throwIfAborted();
      sentTo = member;
      const hasleader = call.withoutLeader === true ? undefined : 'true';
      const silent = new AbortController();
      const silence = setSilence(member, earlier, () => {
        if (!call.write && on === undefined) silent.abort();
      });
      try {
        return await within(systemClock, {closing: ended, signal: silent.signal}, (over) =>
          send(member.connection.services({token: sentToken, hasleader}, over)),
        );
      } catch (error) {
        if (silent.signal.aborted && !ended.aborted) return await attempt(ended, earlier + 1);
        if (ended.aborted || !isServiceError(error)) throw error;
        sentTo = undefined;
        if (mayRefresh && isTokenRefused(error) && auth.refused(sentToken)) {
          mayRefresh = false;
          return await attempt(ended, earlier);
        }
        const kviError = toKviError(error, call);
        if (isKviError(kviError, 'KVI_UNAVAILABLE', 'KVI_UNKNOWN_OUTCOME')) {
          members.avoid(member, error.details);
        }
        throw kviError;
      } finally {
        silence.cancel();
      }
    }

    try {
      return await limited(limits, (ended) => attempt(ended, 0));
    } catch (error) {
      // Cut short from here: by the timeout, the signal or `close`.
      if (sentTo !== undefined && isKviError(error)) {
        if (error.code === 'KVI_TIMEOUT') members.avoid(sentTo, 'a call timed out');
        if (call.write) throw unknownOutcome(call, error);
      }
      throw isKviError(error, 'KVI_TIMEOUT') ? timedOut(call, error) : error;
    }
  }

  /** @param onOther called when the member was silent for so long, and another is there to be asked */
  function setSilence(member: Member, earlier: number, onOther: () => void): Timer {
    const rounds = Math.floor(earlier / members.list().length);
    const ms = silenceMs * 2 ** Math.min(rounds, 20);
    return systemClock.setTimer(ms, () => {
      members.avoid(member, `it did not answer for ${String(ms)} ms`);
      if (members.hasOther(member)) onOther();
    });
  }

  function timedOut(call: Call, error: KviError): KviError {
    return new KviError(
      'KVI_TIMEOUT',
      `${call.describe()}: ${error.message}; nothing was changed (${members.name})`,
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
      const member = await members.connected(ended);
      ended.throwIfAborted();
      // A member that is cut off from its cluster then ends the stream, instead of keeping silent.
      const services = member.connection.services({token, hasleader: 'true'}, ended);
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
      stream.on('status', (status: GrpcFailure) => {
        if (over) return;
        const error = toKviError(status, call);
        if (isTokenRefused(status) && auth.refused(token)) {
          // The next stream has another token.
          end(new KviError('KVI_UNAVAILABLE', error.message, {cause: status}));
        } else {
          members.avoid(member, status.details);
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
        avoid(reason) {
          members.avoid(member, reason);
        },
        tokenRefused: () => auth.refused(token),
      };
    });
  }

  async function membersAccordingTo(member: Member) {
    const call = {write: false, describe: () => `list the members according to ${member.name}`};
    const {header, members: list} = await callWith(
      call,
      {timeoutMs: askTimeoutMs},
      () => auth.token(),
      ({cluster}) => cluster.memberList({linearizable: true}),
      member,
    );
    return {clusterId: header.cluster_id, memberId: header.member_id, members: list};
  }

  if (options.membershipIntervalMs !== undefined) {
    followMembership({
      members,
      intervalMs: options.membershipIntervalMs,
      ask: membersAccordingTo,
      closing: closing.signal,
    });
  }

  return {
    name: members.name,
    limited,
    call: (call, limits, send) => callWith(call, limits, () => auth.token(), send),
    stream: openStream,
    close() {
      closing.abort(closed());
      members.close();
    },
  };
}
