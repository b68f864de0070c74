import type {Http2Stream} from './stream.ts';

/**
 * The streams of a connection that are open, by their ids.
 *
 * A Map would do, and waste memory: each table that a Map outgrows refers to the next. Once V8 takes the first for old, it keeps what all
 * others held, calls that ended long ago, until it looks at the whole heap.
 */
export class OpenStreams {
  readonly #byId: Record<number, Http2Stream | undefined> = {};
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Http2Stream | undefined {
    return this.#byId[id];
  }

  add(stream: Http2Stream): void {
    this.#byId[stream.id] = stream;
    this.#size += 1;
  }

  /** @param stream - is one of them */
  remove(stream: Http2Stream): void {
    Reflect.deleteProperty(this.#byId, stream.id);
    this.#size -= 1;
  }

  /** All, as they are now. */
  list(): Http2Stream[] {
    return Object.values(this.#byId).filter((stream) => stream !== undefined);
  }
}
