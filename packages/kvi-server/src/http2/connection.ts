/**
 * A connection of HTTP/2, as a server has it.
 *
 * It is for calls that are short and many. So it does nothing that they do not need: no priorities, no pushes, no table for the headers
 * of responses; and what is sent in one turn of the event loop goes out together.
 *
 * @see RFC 9113
 */
import type {Socket} from 'node:net';
import {
  ConnectionError,
  defaultWindow,
  errorCode,
  frameFlag,
  FrameReader,
  frameType,
  maxFrameBytes,
  maxWindow,
  protocolError,
  settingId,
  withoutPadding,
} from './frames.ts';
import {HeaderDecoder} from './header-block.ts';
import {type HeaderBlock, HeaderFrames} from './header-frames.ts';
import {OpenStreams} from './open-streams.ts';
import {Outbox} from './outbox.ts';
import {requestHeaders} from './request-headers.ts';
import {type Carrier, Http2Stream, streamWindow} from './stream.ts';

/** How much a connection takes on. */
export interface ConnectionOptions {
  /** Streams at the same time. More are refused, and clients wait. */
  readonly maxConcurrentStreams: number;
  /** How long the client may take to read what it was told last, in milliseconds. */
  readonly endTimeoutMs: number;
  /** Answers a request; calls {@link Http2Stream.handle} at once. */
  readonly onStream: (stream: Http2Stream) => void;
  /** The connection is gone. */
  readonly onClose: () => void;
}

/** How much a client may send ahead, on all streams together. */
const connectionWindow = 4 * 1024 * 1024;

/** The headers of a request: the fields together, and the frames that hold them. */
const maxHeaderBytes = 64 * 1024;

const noBytes = Buffer.alloc(0);

export class Http2Connection implements Carrier {
  readonly outbox: Outbox;
  sendWindow = defaultWindow;
  initialSendWindow = defaultWindow;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #streams = new OpenStreams();
  /** How much more the client may send, on all streams together. */
  #receiveWindow = connectionWindow;
  /** What goes on when there is room, in this order. */
  readonly #waiting = new Set<Http2Stream>();
  /** What goes on when the client takes more of all streams together. */
  readonly #starved = new Set<Http2Stream>();
  /** Whether the client takes more of all streams together than before this turn. */
  #hasWindowGrown = false;
  /** Whether it takes more of each. */
  #haveWindowsGrown = false;
  readonly #headerFrames = new HeaderFrames(maxHeaderBytes);
  readonly #headerDecoder = new HeaderDecoder(maxHeaderBytes);
  readonly #reader = new FrameReader((type, flags, id, payload) => this.#onFrame(type, flags, id, payload));
  #hasSettings = false;
  #lastId = 0;
  #idleSince = performance.now();
  #isClosing = false;
  #hasFailed = false;
  #unsentBytes = 0;
  #onPong: (() => void) | undefined;

  /** @param socket - whose client has sent the preface */
  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.outbox = new Outbox(socket, () => this.#endTurn());
    this.outbox.settings(
      [settingId.maxConcurrentStreams, options.maxConcurrentStreams],
      [settingId.initialWindowSize, streamWindow],
      [settingId.maxHeaderListSize, maxHeaderBytes],
    );
    this.outbox.windowUpdate(0, connectionWindow - defaultWindow);
    socket.on('data', (piece: Buffer) => this.#receive(piece));
    socket.on('drain', () => this.#resume());
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onSocketClose());
  }

  /** Bytes of responses that the client has not taken. */
  get unsentBytes(): number {
    return this.#unsentBytes + this.outbox.waitingBytes;
  }

  /** How long there has been no stream, in milliseconds. */
  get idleMs(): number {
    return this.#streams.size > 0 ? 0 : performance.now() - this.#idleSince;
  }

  /** Bytes that have come. */
  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  /** Asks whether the client is there. */
  ping(onPong: () => void): void {
    this.#onPong = onPong;
    this.outbox.frame(frameType.ping, 0, 0, Buffer.alloc(8));
  }

  /** Takes no more requests, and ends when those under way have been answered. */
  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.outbox.goAway(this.#lastId);
    this.#endIfDone();
  }

  /** Ends at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  wait(stream: Http2Stream): void {
    this.#waiting.add(stream);
  }

  waitForWindow(stream: Http2Stream): void {
    this.#starved.add(stream);
  }

  count(bytes: number): void {
    this.#unsentBytes += bytes;
  }

  forget(stream: Http2Stream): void {
    this.#streams.remove(stream);
    this.#waiting.delete(stream);
    this.#starved.delete(stream);
    if (this.#streams.size > 0) return;
    this.#idleSince = performance.now();
    this.#endIfDone();
  }

  /**
   * Sends what this turn has brought. Windows that have grown take effect here, so once: to go through all streams for each frame that makes one
   * larger would let a client of many streams keep the server busy.
   */
  #endTurn(): void {
    if (this.#hasFailed) return;
    if (this.#hasWindowGrown) {
      for (const stream of this.#starved) this.#waiting.add(stream);
      this.#starved.clear();
      this.#hasWindowGrown = false;
    }
    if (this.#haveWindowsGrown) {
      const streams = this.#streams.list();
      if (!streams.every(({isWindowInRange}) => isWindowInRange)) {
        this.#fail(windowTooLarge());
        return;
      }
      for (const stream of streams) this.#waiting.add(stream);
      this.#haveWindowsGrown = false;
    }
    this.#resume();
    this.outbox.flush();
    // If the system took it all at once, the socket has nothing to say.
    if (this.#waiting.size > 0 && !this.outbox.isFull) this.outbox.endTurnSoon();
  }

  /** Lets streams go on, by turns. */
  #resume(): void {
    const {outbox} = this;
    for (let before = -1; !outbox.isFull && this.#waiting.size > 0 && before !== outbox.waitingBytes;) {
      before = outbox.waitingBytes;
      const streams = [...this.#waiting];
      this.#waiting.clear();
      for (const stream of streams) stream.proceed(1);
    }
  }

  #receive(piece: Buffer): void {
    if (this.#hasFailed) return;
    try {
      this.#reader.push(piece);
      if (this.outbox.isFlooded) {
        throw new ConnectionError(errorCode.enhanceYourCalm, 'answers are not taken');
      }
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.#fail(error);
    }
  }

  /** Says what is wrong, and ends. */
  #fail({code, message}: ConnectionError): void {
    this.#hasFailed = true;
    this.#closeStreams();
    this.outbox.goAway(this.#lastId, code, message);
    this.outbox.flush();
    this.#end();
  }

  /** Ends, and lets the client read to the end, but not for ever: one that takes nothing would keep the connection. */
  #end(): void {
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), this.#options.endTimeoutMs).unref();
  }

  #endIfDone(): void {
    if (!this.#isClosing || this.#streams.size > 0 || this.#socket.destroyed) return;
    setImmediate(() => this.#end());
  }

  #onSocketClose(): void {
    this.#closeStreams();
    this.#options.onClose();
  }

  #closeStreams(): void {
    for (const stream of this.#streams.list()) stream.close();
  }

  #onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    if (!this.#hasSettings && (type !== frameType.settings || (flags & frameFlag.ack) !== 0)) {
      throw protocolError('no settings');
    }
    const {openId} = this.#headerFrames;
    if (openId !== 0 && (type !== frameType.continuation || id !== openId)) {
      throw protocolError('a header block is interrupted');
    }
    switch (type) {
      case frameType.data:
        this.#onData(flags, id, payload);
        break;
      case frameType.headers:
        this.#onHeaderBlock(this.#headerFrames.begin(flags, id, payload));
        break;
      case frameType.continuation:
        this.#onHeaderBlock(this.#headerFrames.continue(flags, payload));
        break;
      case frameType.rstStream:
        checkLength(payload, 4);
        this.#streamOf(id)?.close();
        break;
      case frameType.settings:
        this.#onSettings(flags, id, payload);
        break;
      case frameType.ping:
        this.#onPing(flags, id, payload);
        break;
      case frameType.windowUpdate:
        this.#onWindowUpdate(id, payload);
        break;
      case frameType.priority:
        if (id === 0) throw protocolError('no stream');
        checkLength(payload, 5);
        break;
      case frameType.goaway:
        if (id !== 0) throw protocolError('not of a stream');
        this.close();
        break;
      case frameType.pushPromise:
        throw protocolError('a client pushes nothing');
    }
  }

  #onData(flags: number, id: number, payload: Buffer): void {
    const isEnd = (flags & frameFlag.endStream) !== 0;
    const data = withoutPadding(flags, payload);
    const stream = this.#streamOf(id);
    this.#take(payload.length, isEnd ? undefined : stream);
    if (stream === undefined) return;
    if (stream.hasRequestEnded) {
      stream.reset(errorCode.streamClosed);
      return;
    }
    stream.receive(data, isEnd);
  }

  /**
   * Counts what has come, and lets the client send more long before it has to wait: a frame is small beside a window, so none is ever used up.
   *
   * @param stream - unless its request has ended
   */
  #take(bytes: number, stream: Http2Stream | undefined): void {
    this.#receiveWindow -= bytes;
    if (this.#receiveWindow < connectionWindow / 2) {
      this.outbox.windowUpdate(0, connectionWindow - this.#receiveWindow);
      this.#receiveWindow = connectionWindow;
    }
    if (stream === undefined) return;
    stream.receiveWindow -= bytes;
    if (stream.receiveWindow < streamWindow / 2) {
      this.outbox.windowUpdate(stream.id, streamWindow - stream.receiveWindow);
      stream.receiveWindow = streamWindow;
    }
  }

  /** @param block - undefined: it is not whole */
  #onHeaderBlock(block: HeaderBlock | undefined): void {
    if (block === undefined) return;
    const {id, isLast} = block;
    // Also if nobody needs the fields, later blocks refer to them.
    const fields = this.#headerDecoder.decode(block.bytes);
    const present = this.#streams.get(id);
    if (present !== undefined) {
      // Trailers, which say nothing that is asked for.
      if (present.hasRequestEnded) present.reset(errorCode.streamClosed);
      else if (!isLast) present.reset(errorCode.protocolError);
      else present.receiveEnd();
      return;
    }
    if (id <= this.#lastId) {
      // The client had not heard of the stream's end.
      this.outbox.reset(id, errorCode.streamClosed);
      return;
    }
    // A client that was told to go away knows that this has not been looked at.
    if (this.#isClosing) return;
    this.#lastId = id;
    if (this.#streams.size >= this.#options.maxConcurrentStreams) {
      this.outbox.reset(id, errorCode.refusedStream);
      return;
    }
    const headers = requestHeaders(fields);
    if (headers === undefined) {
      this.outbox.reset(id, errorCode.protocolError);
      return;
    }
    const stream = new Http2Stream(id, headers, isLast, this);
    this.#streams.add(stream);
    this.#options.onStream(stream);
    if (isLast) stream.receiveEnd();
  }

  #onSettings(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) throw protocolError('not of a stream');
    const isAck = (flags & frameFlag.ack) !== 0;
    if (isAck ? payload.length > 0 : payload.length % 6 > 0) {
      throw new ConnectionError(errorCode.frameSizeError, 'settings of a wrong length');
    }
    if (isAck) return;
    this.#hasSettings = true;
    for (let at = 0; at < payload.length; at += 6) {
      this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    }
    this.outbox.frame(frameType.settings, frameFlag.ack, 0, noBytes);
  }

  #set(setting: number, value: number): void {
    if (setting === settingId.initialWindowSize) {
      if (value > maxWindow) throw windowTooLarge();
      if (value > this.initialSendWindow) {
        this.#haveWindowsGrown = true;
        this.outbox.endTurnSoon();
      }
      this.initialSendWindow = value;
    } else if (setting === settingId.enablePush && value > 1) {
      throw protocolError('enable push is 0 or 1');
    } else if (setting === settingId.maxFrameSize && (value < maxFrameBytes || value >= 2 ** 24)) {
      throw protocolError('frame size out of range');
    }
  }

  #onPing(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) throw protocolError('not of a stream');
    checkLength(payload, 8);
    if ((flags & frameFlag.ack) !== 0) {
      this.#onPong?.();
      return;
    }
    this.outbox.frame(frameType.ping, frameFlag.ack, 0, payload);
  }

  #onWindowUpdate(id: number, payload: Buffer): void {
    checkLength(payload, 4);
    const bytes = payload.readUInt32BE(0) & maxWindow;
    if (id === 0) {
      if (bytes === 0) throw protocolError('a window that does not grow');
      this.sendWindow += bytes;
      if (this.sendWindow > maxWindow) throw windowTooLarge();
      this.#hasWindowGrown = true;
      this.outbox.endTurnSoon();
      return;
    }
    const stream = this.#streamOf(id);
    if (stream === undefined) return;
    stream.widen(bytes);
    if (bytes === 0) stream.reset(errorCode.protocolError);
    else if (!stream.isWindowInRange) stream.reset(errorCode.flowControlError);
    else {
      this.#waiting.add(stream);
      this.outbox.endTurnSoon();
    }
  }

  /** The stream, unless it has ended. */
  #streamOf(id: number): Http2Stream | undefined {
    if (id === 0 || id % 2 === 0 || (id > this.#lastId && !this.#isClosing)) {
      throw protocolError('no such stream');
    }
    return this.#streams.get(id);
  }
}

function windowTooLarge(): ConnectionError {
  return new ConnectionError(errorCode.flowControlError, 'window too large');
}

function checkLength(payload: Buffer, length: number): void {
  if (payload.length !== length)
    throw new ConnectionError(errorCode.frameSizeError, 'frame of a wrong length');
}
