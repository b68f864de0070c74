/**
 * Frames of HTTP/2 as a client sends them: right ones, and, as nothing is checked, also wrong ones.
 *
 * @see RFC 9113, sections 4 and 6
 */

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
};

export const flag = {none: 0, ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32};

export const code = {
  none: 0,
  protocol: 1,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refused: 7,
  cancel: 8,
  compression: 9,
  calm: 11,
};

export const setting = {tableSize: 1, push: 2, streams: 3, window: 4, frameSize: 5, listSize: 6};

/** A header. */
export type Field = readonly [name: string, value: string];

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(type: number, flags: number, id: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeUInt32BE(value, 4 * i));
  return bytes;
}

export function settings(...pairs: (readonly [id: number, value: number])[]): Buffer {
  const payload = pairs.map(([id, value]) => Buffer.concat([Buffer.of(0, id), uint32(value)]));
  return frame(frameType.settings, flag.none, 0, Buffer.concat(payload));
}

export function headers(id: number, block: Buffer, flags = flag.endHeaders): Buffer {
  return frame(frameType.headers, flags, id, block);
}

export function continuation(id: number, block: Buffer, flags = flag.endHeaders): Buffer {
  return frame(frameType.continuation, flags, id, block);
}

export function data(id: number, payload: Buffer, flags = flag.none): Buffer {
  return frame(frameType.data, flags, id, payload);
}

export function reset(id: number, why = code.cancel): Buffer {
  return frame(frameType.reset, flag.none, id, uint32(why));
}

export function ping(payload = Buffer.alloc(8)): Buffer {
  return frame(frameType.ping, flag.none, 0, payload);
}

export function windowUpdate(id: number, bytes: number): Buffer {
  return frame(frameType.windowUpdate, flag.none, id, uint32(bytes));
}

/** A payload with its padding. */
export function padded(payload: Buffer, padding: number): Buffer {
  return Buffer.concat([Buffer.of(padding), payload, Buffer.alloc(padding)]);
}

/** A header block of literals: without table and Huffman. @param fields - pairs, each as often as it is there */
export function block(...fields: Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

/** A string of a header block. */
export function text(value: string): Buffer {
  return Buffer.concat([integer(0, 7, value.length), Buffer.from(value, 'latin1')]);
}

/** A number of a header block, after the bits of a flag. */
function integer(flags: number, bits: number, value: number): Buffer {
  const max = 2 ** bits - 1;
  if (value < max) return Buffer.of(flags | value);
  const bytes = [flags | max];
  let rest = value - max;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.of(...bytes, rest);
}

/** The headers of a call. */
export function callFields(path: string, ...others: Field[]): Field[] {
  return [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...others,
  ];
}
