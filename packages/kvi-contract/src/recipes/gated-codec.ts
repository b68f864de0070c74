import {eventually} from '../kvi/helpers.ts';
import type {Codec} from 'kvi-core/recipes';

/** A codec whose calls wait for the test. */
export interface GatedCodec {
  codec: Codec<string>;
  /** Waits until it has been asked to decode so often. */
  called: (times: number) => Promise<void>;
  /** Lets it decode what it was asked for, and all that comes. */
  decode: () => void;
}

export function gatedCodec(): GatedCodec {
  let calls = 0;
  let decode: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (decode = resolve));
  return {
    codec: {
      encode: (text) => Buffer.from(text),
      async decode(stored) {
        calls += 1;
        await gate;
        return Buffer.from(stored).toString();
      },
    },
    called: (times) => eventually(() => Promise.resolve(calls >= times), `${String(times)} calls of a codec`),
    decode,
  };
}
