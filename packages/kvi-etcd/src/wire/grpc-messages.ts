/**
 * gRPC's messages on a stream: each follows a byte that says whether it is compressed, and its length in four bytes.
 *
 * @see "Length-Prefixed-Message" in https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */

const prefixLength = 5;

export function prefixed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(prefixLength + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, prefixLength);
  return frame;
}

/** Puts together messages that arrive in pieces. They share the memory of what arrives, unless they arrive in several pieces. */
export class MessageReader {
  readonly #onMessage: (message: Buffer) => void;
  #pieces: Buffer[] = [];
  /** Of all pieces. */
  #length = 0;
  /** How much it takes to go on: a prefix, or a message with its prefix. */
  #needed = prefixLength;

  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  /** @throws if a message is compressed, and what `onMessage` throws */
  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    while (this.#length >= this.#needed) this.#read(this.#joined());
  }

  /** Whether a message has begun and not ended. */
  get isWithin(): boolean {
    return this.#length > 0;
  }

  #joined(): Buffer {
    const [first] = this.#pieces;
    return first !== undefined && this.#pieces.length === 1
      ? first
      : Buffer.concat(this.#pieces, this.#length);
  }

  #read(bytes: Buffer): void {
    // kvi sends no `grpc-accept-encoding`, so a server may not compress.
    if (bytes[0] !== 0) throw new Error('compressed message');
    const end = prefixLength + bytes.readUInt32BE(1);
    const isComplete = bytes.length >= end;
    this.#pieces = [isComplete ? bytes.subarray(end) : bytes];
    this.#length = isComplete ? bytes.length - end : bytes.length;
    this.#needed = isComplete ? prefixLength : end;
    if (isComplete) this.#onMessage(bytes.subarray(prefixLength, end));
  }
}
