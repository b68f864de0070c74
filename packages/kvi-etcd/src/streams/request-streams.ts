import {abortable, closed, KviError} from 'kvi-core/driver';
import type {Scopes} from '../async/scopes.ts';
import type {Authenticator} from '../cluster/authenticator.ts';
import type {Member, Members} from '../cluster/members.ts';
import type {Method} from 'kvi-wire';
import {isTokenRefused, toKviError} from '../failures/kvi-errors.ts';

/** Receives what happens on a stream. After {@link StreamListener.onEnd}, nothing more. */
export interface StreamListener<R> {
  onResponse: (response: R) => void;
  /** The stream broke, or the server or `close` ended it. */
  onEnd: (error: KviError) => void;
}

/** The sending side of an open stream. */
export interface RequestStream<Q> {
  write(request: Q): void;
  /** Ends the stream; its listener is not called again. */
  cancel(): void;
  /** Whom it goes to. */
  readonly member: Member;
  /** The version of the member's etcd; empty if it does not tell. */
  version(): Promise<string>;
  /**
   * The server refused the token that the stream was opened with, which it keeps for its whole life.
   *
   * @returns whether there are credentials to fetch another with
   */
  tokenRefused(): boolean;
}

/** The streams of a handle. */
export interface RequestStreams {
  /** The endpoints, for a message. */
  readonly name: string;
  /**
   * Opens a stream to a member that has a leader; it breaks when the member loses its leader.
   *
   * @param name - what the stream is for, in messages
   * @param signal - ends the opening, not the stream
   * @param avoid - a member to open it to only if there is no other
   * @throws as a read does
   */
  open<Q, R>(
    name: string,
    method: Method<Q, R>,
    listener: StreamListener<R>,
    signal: AbortSignal,
    avoid?: Member,
  ): Promise<RequestStream<Q>>;
  /** Ends all streams with `KVI_CLOSED`. */
  close(): void;
}

/** @param versionOf - asks a member for the version of its etcd */
export function requestStreams(
  members: Members,
  scopes: Scopes,
  auth: Authenticator,
  versionOf: (member: Member) => Promise<string>,
): RequestStreams {
  const endings = new Set<() => void>();

  async function open<Q, R>(
    name: string,
    method: Method<Q, R>,
    listener: StreamListener<R>,
    ended: AbortSignal,
    avoid: Member | undefined,
  ): Promise<RequestStream<Q>> {
    const headers = auth.headers ?? (await abortable(auth.fetch(), ended));
    const preferred = avoid === undefined ? members.ready() : members.other(avoid);
    const member = preferred ?? members.ready() ?? (await members.connected(ended));
    ended.throwIfAborted();
    endings.add(close);
    const stream = member.connection.stream(method, headers.requireLeader, {
      onResponse(response) {
        if (!endings.has(close)) return;
        try {
          listener.onResponse(response);
        } catch (cause) {
          end(new KviError('KVI_INTERNAL', `${name}: unexpected response`, {cause}));
          stream.cancel();
        }
      },
      onEnd(status) {
        if (!endings.has(close)) return;
        const error = toKviError(status, {write: false, describe: () => name});
        if (isTokenRefused(status) && auth.refused(headers)) {
          // The next stream gets another token.
          end(new KviError('KVI_UNAVAILABLE', error.message, {cause: status}));
        } else {
          members.demote(member, status.details);
          end(error);
        }
      },
    });

    function end(error: KviError): void {
      if (endings.delete(close)) listener.onEnd(error);
    }

    function close(): void {
      end(closed());
      stream.cancel();
    }

    return {
      write: (request) => {
        stream.write(request);
      },
      cancel() {
        endings.delete(close);
        stream.cancel();
      },
      member,
      version: () => versionOf(member).catch(() => ''),
      tokenRefused: () => auth.refused(headers),
    };
  }

  return {
    name: members.name,
    open: (name, method, listener, signal, avoid) =>
      scopes.run({signal}, (ended) => open(name, method, listener, ended, avoid)),
    close() {
      for (const close of [...endings]) close();
    },
  };
}
