import type {Socket} from 'node:net';
import {
  errorCode,
  frameFlag,
  frameHead,
  frameOfNumbers,
  frameType,
  maxFrameBytes,
  settingsFrame,
} from './frames.ts';
import {noTable} from './header-block.ts';

/** When as much waits in the socket, streams wait. */
const fullBytes = 256 * 1024;

/** A client that has not taken as many bytes of answers to pings and the like attacks. */
const maxControlBytes = 1024 * 1024;

/** As much goes out before the turn ends: the client looks at it while the server goes on. */
const chunkBytes = 16 * 1024;

/** The frames that a connection sends. Those of one turn of the event loop go out together. */
export class Outbox {
  readonly #socket: Socket;
  readonly #onTurnEnd: () => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #isTurnEnding = false;
  #hasSentHeaders = false;

  /** @param onTurnEnd - calls {@link flush} */
  constructor(socket: Socket, onTurnEnd: () => void) {
    this.#socket = socket;
    this.#onTurnEnd = onTurnEnd;
  }

  /** Bytes that the system has not taken. */
  get waitingBytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  /** Whether streams are to wait. */
  get isFull(): boolean {
    return this.waitingBytes >= fullBytes;
  }

  /** Whether there is more than streams may have sent: answers that the client asks for and does not take would fill the memory. */
  get isFlooded(): boolean {
    return this.waitingBytes > fullBytes + maxControlBytes;
  }

  frame(type: number, flags: number, id: number, payload: Buffer): void {
    this.#push(frameHead(type, flags, id, payload.length), payload);
  }

  /** @param block - goes out in as many frames as it needs */
  headers(id: number, block: Buffer, isLast: boolean): void {
    let rest = this.#hasSentHeaders ? block : Buffer.concat([noTable, block]);
    this.#hasSentHeaders = true;
    let type = frameType.headers;
    let flags = isLast ? frameFlag.endStream : 0;
    for (; rest.length > maxFrameBytes; rest = rest.subarray(maxFrameBytes)) {
      this.frame(type, flags, id, rest.subarray(0, maxFrameBytes));
      type = frameType.continuation;
      flags = 0;
    }
    this.frame(type, flags | frameFlag.endHeaders, id, rest);
  }

  settings(...settings: (readonly [id: number, value: number])[]): void {
    this.#push(settingsFrame(settings));
  }

  /** Lets the client send more. @param id - of a stream; 0: of all together */
  windowUpdate(id: number, bytes: number): void {
    this.#push(frameOfNumbers(frameType.windowUpdate, id, bytes));
  }

  reset(id: number, code: number): void {
    this.#push(frameOfNumbers(frameType.rstStream, id, code));
  }

  /** @param lastId - the last stream that has been looked at */
  goAway(lastId: number, code: number = errorCode.noError, message = ''): void {
    const text = Buffer.from(message);
    const payload = Buffer.alloc(8 + text.length);
    payload.writeUInt32BE(lastId, 0);
    payload.writeUInt32BE(code, 4);
    payload.set(text, 8);
    this.frame(frameType.goaway, 0, 0, payload);
  }

  /** Ends the turn when all that has come in it has been looked at. */
  endTurnSoon(): void {
    if (this.#isTurnEnding) return;
    this.#isTurnEnding = true;
    setImmediate(() => {
      this.#isTurnEnding = false;
      this.#onTurnEnd();
    });
  }

  /** Sends what there is. */
  flush(): void {
    if (this.#parts.length > 0 && this.#socket.writable) {
      this.#socket.write(Buffer.concat(this.#parts, this.#bytes));
    }
    this.#parts = [];
    this.#bytes = 0;
  }

  #push(...parts: Buffer[]): void {
    if (!this.#socket.writable) return;
    this.endTurnSoon();
    for (const part of parts) {
      this.#parts.push(part);
      this.#bytes += part.length;
    }
    if (this.#bytes >= chunkBytes) this.flush();
  }
}
