import type {IncomingHttpHeaders} from 'node:http2';
import {errorCode, frameFlag, frameType, maxFrameBytes, maxWindow} from './frames.ts';
import type {Outbox} from './outbox.ts';

/** Whoever answers a stream. */
export interface StreamHandler {
  /** A piece of the request's body came. It shares its memory with what came beside it. */
  onData: (piece: Buffer) => void;
  /** The client sends no more, and still takes the response. */
  onEnd: () => void;
  /** Nothing comes and nothing is sent any more, whatever the reason. */
  onClose: () => void;
}

/** What carries the frames of streams. */
export interface Carrier {
  /** How much of the streams' bodies the client takes. */
  sendWindow: number;
  /** How much of its body the client takes of a stream from the beginning. May change, also to less than was sent. */
  readonly initialSendWindow: number;
  readonly outbox: Outbox;
  /** Has the stream go on when there is room. */
  wait(stream: Http2Stream): void;
  /** Has it go on when the client takes more of the streams' bodies. */
  waitForWindow(stream: Http2Stream): void;
  /** Counts what streams have to send, headers included. */
  count(bytes: number): void;
  forget(stream: Http2Stream): void;
}

/** A part of a response. */
interface Part {
  readonly isHeaders: boolean;
  bytes: Buffer;
  readonly isLast: boolean;
}

const noBytes = Buffer.alloc(0);

/** When a stream has less than this to send, it is drained. */
const lowWaterBytes = 64 * 1024;

/** How much of a response goes out before it is the turn of others. */
const firstFrames = 4;

/** How much a client may send ahead, on a stream. */
export const streamWindow = 1024 * 1024;

/** A stream of HTTP/2, as a server has it: a request, and its response. */
export class Http2Stream {
  readonly id: number;
  readonly headers: IncomingHttpHeaders;
  /** How much more the client may send. */
  receiveWindow = streamWindow;
  readonly #carrier: Carrier;
  #handler: StreamHandler | undefined;
  #parts: Part[] = [];
  #unsentBytes = 0;
  /** How much more than at the beginning the client takes: less than nothing when much was sent. */
  #extraWindow = 0;
  #hasRequestEnded: boolean;
  #hasResponseEnded = false;
  #isClosed = false;
  #drains: (() => void)[] | undefined;

  /** @param hasRequestEnded - whether the client sends nothing but headers: call {@link receiveEnd} when the handler is there */
  constructor(id: number, headers: IncomingHttpHeaders, hasRequestEnded: boolean, carrier: Carrier) {
    this.id = id;
    this.headers = headers;
    this.#hasRequestEnded = hasRequestEnded;
    this.#carrier = carrier;
  }

  /** Whether nothing is sent any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the client sends no more. */
  get hasRequestEnded(): boolean {
    return this.#hasRequestEnded;
  }

  /** Bytes of the response that wait, for the client to take them or for the connection to have room. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Says who answers. To be called before the next piece of the request arrives. */
  handle(handler: StreamHandler): void {
    this.#handler = handler;
  }

  /** Begins the response, or ends it with trailers. @param block - see `headerBlock` */
  respond(block: Buffer, isLast = false): void {
    this.#send({isHeaders: true, bytes: block, isLast});
  }

  /** Sends a piece of the response's body. */
  write(bytes: Buffer): void {
    this.#send({isHeaders: false, bytes, isLast: false});
  }

  /** Ends the response without trailers. */
  end(): void {
    this.#send({isHeaders: false, bytes: noBytes, isLast: true});
  }

  /** Resolves when most of the response has been taken, or when there is nobody to take it. */
  drained(): Promise<void> {
    if (this.#unsentBytes <= lowWaterBytes) return Promise.resolve();
    return new Promise((resolve) => (this.#drains ??= []).push(resolve));
  }

  /** Ends both directions. */
  reset(code: number): void {
    if (this.#isClosed) return;
    this.#carrier.outbox.reset(this.id, code);
    this.close();
  }

  /** A piece of the request has come, maybe the last one. */
  receive(piece: Buffer, isLast: boolean): void {
    // First, as a client that has said all need not be told that it may stop.
    if (isLast) this.#hasRequestEnded = true;
    if (piece.length > 0 && !this.#hasResponseEnded) this.#handler?.onData(piece);
    if (isLast) this.receiveEnd();
  }

  /** The end of the request has come. */
  receiveEnd(): void {
    this.#hasRequestEnded = true;
    if (this.#hasResponseEnded) this.#finish();
    else this.#handler?.onEnd();
  }

  /** The client takes more. {@link proceed} then sends it. */
  widen(bytes: number): void {
    this.#extraWindow += bytes;
  }

  /** Whether the client takes no more than it can say. */
  get isWindowInRange(): boolean {
    return this.#window <= maxWindow;
  }

  /** The stream is over. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#hasResponseEnded = true;
    this.#parts = [];
    this.#count(-this.#unsentBytes);
    this.#carrier.forget(this);
    this.#handler?.onClose();
  }

  /** Sends what waits. @param frames - at most */
  proceed(frames: number): void {
    for (let left = frames; ; left -= 1) {
      const [part] = this.#parts;
      if (part === undefined) return;
      if (left <= 0 || this.#carrier.outbox.isFull) {
        this.#carrier.wait(this);
        return;
      }
      if (!this.#sendPart(part)) return;
    }
  }

  get #window(): number {
    return this.#carrier.initialSendWindow + this.#extraWindow;
  }

  #send(part: Part): void {
    if (this.#hasResponseEnded) return;
    this.#hasResponseEnded = part.isLast;
    const isAlone = this.#parts.length === 0;
    this.#parts.push(part);
    this.#count(part.bytes.length);
    if (isAlone) this.proceed(firstFrames);
  }

  /** @returns whether it can go on */
  #sendPart(part: Part): boolean {
    const {bytes, isLast} = part;
    if (part.isHeaders) {
      this.#parts.shift();
      this.#carrier.outbox.headers(this.id, bytes, isLast);
      this.#count(-bytes.length);
      if (isLast) this.#finish();
      return true;
    }
    const room = Math.max(0, Math.min(maxFrameBytes, this.#window, this.#carrier.sendWindow));
    const length = Math.min(bytes.length, room);
    if (length === 0 && bytes.length > 0) {
      // If the client takes no more of the stream, it says when it does.
      if (this.#window > 0) this.#carrier.waitForWindow(this);
      return false;
    }
    const isWhole = length === bytes.length;
    if (isWhole) this.#parts.shift();
    else part.bytes = bytes.subarray(length);
    this.#extraWindow -= length;
    this.#carrier.sendWindow -= length;
    const isEnd = isWhole && isLast;
    this.#carrier.outbox.frame(
      frameType.data,
      isEnd ? frameFlag.endStream : 0,
      this.id,
      isWhole ? bytes : bytes.subarray(0, length),
    );
    this.#count(-length);
    if (isEnd) this.#finish();
    return true;
  }

  /** The response is on its way. The client need not send the rest of its request. */
  #finish(): void {
    if (this.#parts.length > 0) return;
    if (!this.#hasRequestEnded) this.#carrier.outbox.reset(this.id, errorCode.noError);
    this.close();
  }

  #count(bytes: number): void {
    this.#unsentBytes += bytes;
    this.#carrier.count(bytes);
    if (this.#drains === undefined || this.#unsentBytes > lowWaterBytes) return;
    const drains = this.#drains;
    this.#drains = undefined;
    for (const drain of drains) drain();
  }
}
