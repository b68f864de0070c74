import type {Driver, DriverCallOptions} from 'kvi-core/driver';
import type {IncomingHttpHeaders} from 'node:http2';
import type {PeerCertificate} from 'node:tls';
import type {GrpcStatus} from 'kvi-wire';
import type {Route} from './route.ts';

/** What is the same for all calls of a server. */
export interface CallRules {
  readonly routes: ReadonlyMap<string, Route>;
  /** What has to be known before a call is answered. Undefined if it is. */
  readonly prepare: () => Promise<void> | undefined;
  /** Chooses the driver of a call. @throws what refuses the call */
  readonly authorize: (
    headers: IncomingHttpHeaders,
    peer: PeerCertificate | undefined,
  ) => Driver | Promise<Driver>;
  /** Bytes of a request, at most. */
  readonly maxMessageBytes: number;
  /** Ends each of the streams that are open. */
  readonly endings: Set<(status: GrpcStatus) => void>;
}

/** What a service knows of a call. */
export interface Call {
  /** Where it reads and writes: what the server serves, or what `authorize` chose. */
  readonly driver: Driver;
  /** How long it may take, and when its client no longer waits for it. */
  readonly limits: DriverCallOptions;
  /** The address that the client dialled: `HOST:PORT`. */
  readonly authority: string;
  readonly headers: IncomingHttpHeaders;
}

/** Answers a call of one request and one response. */
export type Unary<Q, R> = (request: Q, call: Call, size: number) => R | Promise<R>;

/** The sending side of a stream. */
export interface Replies<R> {
  /** Sends a message, unless the stream has ended. */
  send(response: R): void;
  /** Ends the stream. Default: all went well. */
  end(status?: GrpcStatus): void;
  /** Bytes that were sent and that the client has not taken. */
  readonly unsentBytes: number;
  /** Resolves when the client has taken most of what was sent, or when the stream has ended. */
  drained(): Promise<void>;
}

/** The receiving side of a stream. */
export interface Requests<Q> {
  /** @returns what resolves when the request has been dealt with, if it takes its time. @throws Error to end the stream with */
  onRequest: (request: Q) => void | Promise<void>;
  /** The client sends no more, and still takes replies. */
  onEnd: () => void;
  /** The stream has ended, whatever the reason; nothing is sent any more. */
  onClose: () => void;
}

/** Answers a call of many requests or responses. */
export type Streaming<Q, R> = (replies: Replies<R>, call: Call) => Requests<Q>;
