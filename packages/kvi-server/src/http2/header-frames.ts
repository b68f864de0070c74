import {ConnectionError, errorCode, frameFlag, protocolError, withoutPadding} from './frames.ts';

/** The header block of a stream, whole. */
export interface HeaderBlock {
  readonly id: number;
  /** Whether the client sends nothing else on the stream. */
  readonly isLast: boolean;
  readonly bytes: Buffer;
}

/** What each frame counts beside its payload, so that empty ones cannot go on for ever. */
const frameOverhead = 64;

/** Puts header blocks together, which come in as many frames as the client likes. */
export class HeaderFrames {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #id = 0;
  #isLast = false;

  /** @param maxBytes - of a block */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The stream whose block is not whole; 0 if there is none. */
  get openId(): number {
    return this.#id;
  }

  /** The first frame of a block. @returns the block, if it is whole @throws ConnectionError */
  begin(flags: number, id: number, payload: Buffer): HeaderBlock | undefined {
    if (id % 2 === 0) throw protocolError('not a stream of a client');
    let piece = withoutPadding(flags, payload);
    if ((flags & frameFlag.priority) !== 0) {
      if (piece.length < 5) throw new ConnectionError(errorCode.frameSizeError, 'no priority');
      piece = piece.subarray(5);
    }
    this.#id = id;
    this.#isLast = (flags & frameFlag.endStream) !== 0;
    return this.continue(flags, piece);
  }

  /** Another frame of it. @returns the block, if it is whole @throws ConnectionError */
  continue(flags: number, piece: Buffer): HeaderBlock | undefined {
    if (this.#id === 0) throw protocolError('nothing to continue');
    this.#pieces.push(piece);
    this.#bytes += piece.length + frameOverhead;
    if (this.#bytes > this.#maxBytes)
      throw new ConnectionError(errorCode.enhanceYourCalm, 'too many headers');
    if ((flags & frameFlag.endHeaders) === 0) return undefined;
    const bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces);
    const block = {id: this.#id, isLast: this.#isLast, bytes};
    this.#id = this.#bytes = 0;
    this.#pieces = [];
    return block;
  }
}
