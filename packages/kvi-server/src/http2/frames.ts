/**
 * The frames of HTTP/2.
 *
 * @see RFC 9113, sections 4 to 7
 */

/** How a client begins. */
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
};

export const frameFlag = {ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20};

export const settingId = {
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
};

export const errorCode = {
  noError: 0,
  protocolError: 1,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  compressionError: 9,
  enhanceYourCalm: 11,
};

/** What a frame holds at most, unless a setting says otherwise; here none does. */
export const maxFrameBytes = 16_384;

/** A window is never larger. */
export const maxWindow = 2 ** 31 - 1;

/** How large windows are until a setting says otherwise. */
export const defaultWindow = 65_535;

/** An error of a client after which nothing that it sends can be trusted. */
export class ConnectionError extends Error {
  readonly code: number;

  /** @param code - what the client is told */
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export function protocolError(message: string): ConnectionError {
  return new ConnectionError(errorCode.protocolError, message);
}

const headBytes = 9;

/** The bytes before a frame's payload. */
export function frameHead(type: number, flags: number, id: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  head[0] = length >> 16;
  head[1] = length >> 8;
  head[2] = length;
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return head;
}

/** A frame whose payload is numbers of four bytes. */
export function frameOfNumbers(type: number, id: number, ...numbers: number[]): Buffer {
  const frame = Buffer.concat([frameHead(type, 0, id, 4 * numbers.length)], headBytes + 4 * numbers.length);
  numbers.forEach((number, i) => frame.writeUInt32BE(number, headBytes + 4 * i));
  return frame;
}

/** @param settings - pairs of an id and a value */
export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * settings.length);
  settings.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, 6 * i);
    payload.writeUInt32BE(value, 6 * i + 2);
  });
  return Buffer.concat([frameHead(frameType.settings, 0, 0, payload.length), payload]);
}

/** Takes frames from bytes. */
export class FrameReader {
  readonly #onFrame: (type: number, flags: number, id: number, payload: Buffer) => void;
  /** Of a frame that has not come whole. */
  #pieces: Buffer[] = [];
  #length = 0;
  #needed = headBytes;

  /** @param onFrame - the payload shares its memory with what came */
  constructor(onFrame: (type: number, flags: number, id: number, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws ConnectionError for a frame that is too long, and what `onFrame` throws */
  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length < this.#needed) return;
    const bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces, this.#length);
    let at = 0;
    for (;;) {
      const end = this.#endOf(bytes, at);
      if (end > bytes.length) {
        this.#needed = end - at;
        break;
      }
      const [type = 0, flags = 0] = [bytes[at + 3], bytes[at + 4]];
      const id = bytes.readUInt32BE(at + 5) & maxWindow;
      this.#onFrame(type, flags, id, bytes.subarray(at + headBytes, end));
      at = end;
    }
    this.#length = bytes.length - at;
    this.#pieces = this.#length === 0 ? [] : [bytes.subarray(at)];
  }

  /** Where the frame ends that begins there; or its head, if that has not come whole. */
  #endOf(bytes: Buffer, at: number): number {
    if (bytes.length - at < headBytes) return at + headBytes;
    const length = bytes.readUIntBE(at, 3);
    if (length > maxFrameBytes) throw new ConnectionError(errorCode.frameSizeError, 'frame too long');
    return at + headBytes + length;
  }
}

/** What is left of a payload without its padding. @throws ConnectionError if there is more padding than payload */
export function withoutPadding(flags: number, payload: Buffer): Buffer {
  if ((flags & frameFlag.padded) === 0) return payload;
  const end = payload.length - (payload[0] ?? payload.length);
  if (end < 1) throw protocolError('more padding than payload');
  return payload.subarray(1, end);
}
