/**
 * A gRPC call on a stream of HTTP/2, as a server answers it.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import type {Driver} from 'kvi-core/driver';
import {grpcCode, type GrpcStatus, MessageReader, prefixed, statusHeaders} from 'kvi-wire';
import type {PeerCertificate} from 'node:tls';
import {headerBlock} from '../http2/header-block.ts';
import type {Http2Stream, StreamHandler} from '../http2/stream.ts';
import type {Call, CallRules, Replies, Requests} from './call.ts';
import {Refusal, statusOf, statusOfDenial} from './refusal.ts';
import type {Route} from './route.ts';
import type {Signals} from './signals.ts';
import {timeoutIn} from './timeout.ts';

/** What is the same for all calls of a connection. */
export interface CallContext extends CallRules {
  readonly peer: PeerCertificate | undefined;
  readonly unsent: Unsent;
  readonly work: Work;
  readonly signals: Signals;
}

/** What a connection has the server do. */
export interface Work {
  /** Calls that the store has not answered. One that was cancelled counts until the store has let go of it. */
  calls: number;
  /** Bytes of requests that wait: for their rest, or for who may make them. At most about `unsent.limit`. */
  requestBytes: number;
}

/** Bytes that were sent on one connection, and that its client has not taken. */
export interface Unsent {
  readonly bytes: number;
  readonly limit: number;
}

/** How calls are refused of a client that has too much to take. */
export const takesNoResponses: GrpcStatus = {
  code: grpcCode.resourceExhausted,
  details: 'kvi-server: the client takes no responses',
};

/** How a call ends whose response is not sent for that reason. It was made, so its client must not take it for refused. */
const tookNoResponses: GrpcStatus = {...takesNoResponses, code: grpcCode.unavailable};

/** A response that is sent in any case. */
const smallBytes = 16 * 1024;

const tooMuchAtOnce: GrpcStatus = {
  code: grpcCode.resourceExhausted,
  details: 'kvi-server: the client sends too many requests at once',
};

/** What a request that waits takes beside its bytes. */
const requestOverhead = 64;

const responseHeaders = {':status': 200, 'content-type': 'application/grpc'} as const;
const head = headerBlock(responseHeaders);
const ok: GrpcStatus = {code: grpcCode.ok, details: ''};
const allWentWell = headerBlock(statusHeaders(ok));

/** Answers a call. Never throws. */
export function serveCall(stream: Http2Stream, context: CallContext): void {
  const path = stream.headers[':path'] ?? '';
  const route = context.routes.get(path);
  const call = new ServedCall(stream, route, context);
  stream.handle(call);
  if (context.unsent.bytes > context.unsent.limit) call.end(takesNoResponses);
  else if (route === undefined) call.end(unknownMethod(path));
  else call.begin();
}

class ServedCall implements StreamHandler, Replies<Buffer> {
  readonly #stream: Http2Stream;
  readonly #route: Route | undefined;
  readonly #context: CallContext;
  #reader: MessageReader | undefined;
  /** Known as soon as it is known who may do what. Messages that arrive before wait. */
  #call: Call | undefined;
  #early: Buffer[] | undefined;
  #earlyBytes = 0;
  /** How much of {@link Work.requestBytes} is of this call. */
  #heldBytes = 0;
  #requests: Requests<Buffer> | undefined;
  /** Until the store has answered. */
  #cancel: AbortController | undefined;
  /** How the server ends it, if it is a stream. */
  #ending: ((status: GrpcStatus) => void) | undefined;
  #isHalfClosed = false;
  #isAsked = false;
  #isOpen = false;
  #hasEnded = false;

  constructor(stream: Http2Stream, route: Route | undefined, context: CallContext) {
    this.#stream = stream;
    this.#route = route;
    this.#context = context;
    this.#reader = new MessageReader((message) => {
      if (this.#call !== undefined) {
        this.#receive(message, this.#call);
        return;
      }
      (this.#early ??= []).push(message);
      this.#earlyBytes += message.length + requestOverhead;
    }, context.maxMessageBytes);
  }

  /** Asks who may do what. */
  begin(): void {
    const {prepare, authorize, peer} = this.#context;
    const {headers} = this.#stream;
    try {
      const preparing = prepare();
      const driver =
        preparing === undefined ? authorize(headers, peer) : preparing.then(() => authorize(headers, peer));
      if (driver instanceof Promise) {
        this.#wait(
          driver,
          (each) => this.#start(each),
          (error) => this.#deny(error),
        );
      } else this.#start(driver);
    } catch (error) {
      this.#deny(error);
    }
  }

  onData(piece: Buffer): void {
    if (this.#hasEnded || this.#reader === undefined) return;
    try {
      this.#reader.push(piece);
      if (!this.#hasEnded) this.#hold(this.#reader.pendingBytes + this.#earlyBytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  onEnd(): void {
    this.#isHalfClosed = true;
    if (this.#call === undefined) return;
    try {
      this.#halfClose();
    } catch (error) {
      this.#fail(error);
    }
  }

  onClose(): void {
    this.#cancel?.abort(new Error('nobody waits for the call any more'));
    this.#letGo();
    if (this.#ending !== undefined) this.#context.endings.delete(this.#ending);
    this.#requests?.onClose();
  }

  get unsentBytes(): number {
    return this.#stream.unsentBytes;
  }

  drained(): Promise<void> {
    return this.#stream.drained();
  }

  send(message: Buffer): void {
    if (this.#hasEnded) return;
    this.#open();
    this.#stream.write(prefixed(message));
  }

  end(status: GrpcStatus = ok): void {
    if (this.#hasEnded) return;
    this.#letGo();
    if (this.#isOpen) this.#stream.respond(statusBlock(status), true);
    else this.#stream.respond(headerBlock({...responseHeaders, ...statusHeaders(status)}), true);
  }

  /** Ends, and drops what has come. */
  #letGo(): void {
    this.#hasEnded = true;
    this.#reader = undefined;
    this.#early = undefined;
    this.#hold(0);
  }

  /** Counts what waits of requests. @throws Refusal if all calls of the connection hold too much */
  #hold(bytes: number): void {
    if (bytes === this.#heldBytes) return;
    const {work, unsent, maxMessageBytes} = this.#context;
    work.requestBytes += bytes - this.#heldBytes;
    this.#heldBytes = bytes;
    // One alone may be as large as it can be.
    if (bytes > 0 && work.requestBytes > unsent.limit + maxMessageBytes) throw new Refusal(tooMuchAtOnce);
  }

  /** Waits for what the call needs. */
  #wait<T>(promise: Promise<T>, then: (value: T) => void, fail: (error: unknown) => void): void {
    const {work} = this.#context;
    work.calls += 1;
    promise.then(
      (value) => {
        work.calls -= 1;
        then(value);
      },
      (error: unknown) => {
        work.calls -= 1;
        fail(error);
      },
    );
  }

  #fail(error: unknown): void {
    this.end(statusOf(error));
  }

  #deny(error: unknown): void {
    this.end(statusOfDenial(error));
  }

  #start(driver: Driver): void {
    if (this.#hasEnded) return;
    const {headers} = this.#stream;
    this.#cancel = this.#context.signals.take();
    const call: Call = {
      driver,
      limits: {signal: this.#cancel.signal, timeoutMs: timeoutIn(headers['grpc-timeout'])},
      authority: headers[':authority'] ?? headers.host ?? '',
      headers,
    };
    this.#call = call;
    try {
      if (this.#route !== undefined && 'open' in this.#route) this.#openStream(this.#route.open, call);
      const early = this.#early ?? [];
      this.#early = undefined;
      this.#hold(this.#heldBytes - this.#earlyBytes);
      this.#earlyBytes = 0;
      for (const message of early) this.#receive(message, call);
      if (this.#isHalfClosed) this.#halfClose();
    } catch (error) {
      this.#fail(error);
    }
  }

  #openStream(open: (replies: Replies<Buffer>, call: Call) => Requests<Buffer>, call: Call): void {
    this.#open();
    this.#ending = (status) => this.end(status);
    this.#context.endings.add(this.#ending);
    this.#requests = open(this, call);
  }

  /** Sends the headers, before there is a message. */
  #open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#stream.respond(head);
  }

  #receive(message: Buffer, call: Call): void {
    if (this.#hasEnded) return;
    if (this.#requests !== undefined) {
      const {unsent} = this.#context;
      // Its replies would wait, too.
      if (unsent.bytes > unsent.limit) throw new Refusal(takesNoResponses);
      const working = this.#requests.onRequest(message);
      if (working !== undefined) this.#wait(working, ignore, ignore);
    } else if (this.#route !== undefined && 'answer' in this.#route) {
      if (this.#isAsked) throw new Refusal({code: grpcCode.internal, details: 'more than one request'});
      this.#isAsked = true;
      const response = this.#route.answer(message, call);
      if (response instanceof Promise) {
        this.#wait(
          response,
          (each) => this.#answer(each),
          (error) => {
            this.#cancel = undefined;
            this.#fail(error);
          },
        );
      } else this.#answer(response);
    }
  }

  /** Sends the only message. */
  #answer(message: Buffer): void {
    const cancel = this.#cancel;
    this.#cancel = undefined;
    const {unsent} = this.#context;
    // Calls that come together begin before any of them is answered.
    if (message.length > smallBytes && unsent.bytes > unsent.limit) this.end(tookNoResponses);
    else {
      this.send(message);
      this.end();
    }
    if (cancel !== undefined) this.#context.signals.giveBack(cancel);
  }

  #halfClose(): void {
    if (this.#hasEnded) return;
    const isWithin = this.#reader !== undefined && this.#reader.pendingBytes > 0;
    if (isWithin) throw new Refusal({code: grpcCode.internal, details: 'truncated request'});
    if (this.#requests !== undefined) this.#requests.onEnd();
    else if (!this.#isAsked) throw new Refusal({code: grpcCode.internal, details: 'no request'});
  }
}

function ignore(): void {
  // What becomes of it, others tell.
}

function statusBlock(status: GrpcStatus): Buffer {
  return status === ok ? allWentWell : headerBlock(statusHeaders(status));
}

function unknownMethod(path: string): GrpcStatus {
  const [, service = '', method = ''] = path.split('/');
  return {code: grpcCode.unimplemented, details: `unknown method ${method} for service ${service}`};
}
