/**
 * gRPC's messages on a stream: each follows a byte that says whether it is compressed, and its length in four bytes.
 *
 * @see "Length-Prefixed-Message" in https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */

import {grpcCode, type GrpcStatus} from './status.ts';

const prefixLength = 5;

export function prefixed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(prefixLength + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, prefixLength);
  return frame;
}

/** A message that is not taken in, and how a server says so. */
export class UnreadableMessage extends Error {
  readonly status: GrpcStatus;

  constructor(status: GrpcStatus) {
    super(status.details);
    this.status = status;
  }
}

/** Puts messages together. One that arrives in one piece shares the memory of the piece. */
export class MessageReader {
  readonly #onMessage: (message: Buffer) => void;
  readonly #maxLength: number;
  #pieces: Buffer[] = [];
  /** Of all pieces. */
  #length = 0;
  /** How much it takes to go on: a prefix, or a message with its prefix. */
  #needed = prefixLength;

  /** @param maxLength - of a message, in bytes */
  constructor(onMessage: (message: Buffer) => void, maxLength = Infinity) {
    this.#onMessage = onMessage;
    this.#maxLength = maxLength;
  }

  /** @throws UnreadableMessage if a message is compressed or too long, and what `onMessage` throws */
  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    while (this.#length >= this.#needed) this.#read(this.#join());
  }

  /** Bytes of a message that has begun and not ended. */
  get pendingBytes(): number {
    return this.#length;
  }

  /** Makes all pieces one. */
  #join(): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && this.#pieces.length === 1) return first;
    const joined = Buffer.concat(this.#pieces, this.#length);
    this.#pieces = [joined];
    return joined;
  }

  #read(bytes: Buffer): void {
    // kvi sends no `grpc-accept-encoding`, so neither side may compress.
    if (bytes[0] !== 0) throw unreadable(grpcCode.unimplemented, 'compressed message');
    const length = bytes.readUInt32BE(1);
    if (length > this.#maxLength) {
      const details = `grpc: received message larger than max (${length} vs. ${this.#maxLength})`;
      throw unreadable(grpcCode.resourceExhausted, details);
    }
    const end = prefixLength + length;
    if (bytes.length < end) {
      this.#needed = end;
      return;
    }
    this.#pieces = bytes.length === end ? [] : [bytes.subarray(end)];
    this.#length = bytes.length - end;
    this.#needed = prefixLength;
    this.#onMessage(bytes.subarray(prefixLength, end));
  }
}

function unreadable(code: number, details: string): UnreadableMessage {
  return new UnreadableMessage({code, details});
}
