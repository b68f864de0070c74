/** First in, first out, in constant time; `Array.shift` moves what is left, which is slow for a long backlog. */
export interface Fifo<T> {
  push(item: T): void;
  /** Takes the oldest item; undefined when there is none. */
  shift(): T | undefined;
  clear(): void;
}

/** Makes an empty {@link Fifo}. */
export function fifo<T>(): Fifo<T> {
  let incoming: T[] = [];
  /** The oldest items, the very oldest last. */
  let outgoing: T[] = [];

  return {
    push(item) {
      incoming.push(item);
    },
    shift() {
      if (outgoing.length === 0) {
        outgoing = incoming.reverse();
        incoming = [];
      }
      return outgoing.pop();
    },
    clear() {
      incoming = [];
      outgoing = [];
    },
  };
}
