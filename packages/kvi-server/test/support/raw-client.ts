import {once} from 'node:events';
import {connect, type Socket} from 'node:net';
import {type GrpcStatus, MessageReader, type Method, prefixed, range, statusIn, watch} from 'kvi-wire';
import {HeaderDecoder} from '../../src/http2/header-block.ts';
import * as frames from './frames.ts';

/** A frame that came. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
  /** What the payload is, if it is a number: an error's code, or a window's growth. For a GOAWAY, its code. */
  readonly number: number;
}

/** A response, put together. */
export interface Response {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The error that the stream was reset with. Undefined if it ended. */
  readonly reset: number | undefined;
}

/** A client of HTTP/2 that does nothing by itself, and sends exactly the bytes that a test has it send. */
export interface RawClient extends Disposable {
  readonly socket: Socket;
  /** What came. */
  readonly frames: readonly Frame[];
  /** What the server has sent of bodies. */
  readonly bodyBytes: number;
  /** When the connection is gone. */
  readonly closed: Promise<void>;
  send(...bytes: Buffer[]): void;
  /** Waits for a frame, also one that has come before. @throws if the connection ends first */
  frame(matches: (frame: Frame) => boolean): Promise<Frame>;
  /** Waits until all that was sent has been looked at, and answered as far as can be at once. */
  sync(): Promise<void>;
  /** Begins a call. @returns its stream */
  open(path: string, ...others: frames.Field[]): number;
  /** Makes a call. @returns its stream */
  request<Q>(method: Method<Q, unknown>, message: Q): number;
  /** Waits for the end of a stream. */
  response(id: number): Promise<Response>;
  /** Waits for the end of a call. @throws Error if it was reset */
  result<R>(
    method: Method<never, R>,
    id: number,
  ): Promise<{status: GrpcStatus | undefined; message: R | undefined}>;
  /** The code that the server ends the connection with. */
  goaway(): Promise<number>;
}

const isOf =
  (id: number, ...types: number[]) =>
  (frame: Frame): boolean =>
    frame.id === id && types.includes(frame.type);

/** Connects. @param settings - what the client begins with; default: settings without a setting */
export async function connectRaw(
  {port}: {readonly port: number},
  settings: Buffer | undefined = frames.settings(),
): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  const received: Frame[] = [];
  const looks = new Set<() => void>();
  let bodyBytes = 0;
  let rest: Buffer = Buffer.alloc(0);
  let nextId = 1;
  let pings = 0;
  let hasEnded = false;
  const decoder = new HeaderDecoder(Infinity);
  const decoded = new Map<Frame, Record<string, string>>();
  let pieces: Buffer[] = [];
  await once(socket, 'connect');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.on('data', (piece: Buffer) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      take(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    for (const look of looks) look();
  });
  void closed.then(() => {
    hasEnded = true;
    for (const look of looks) look();
  });

  function take(bytes: Buffer): void {
    const payload = bytes.subarray(9);
    const [type = 0, flags = 0] = [bytes[3], bytes[4]];
    const at = type === frames.frameType.goaway ? 4 : 0;
    const number = payload.length >= at + 4 ? payload.readUInt32BE(at) : 0;
    const frame = {type, flags, id: bytes.readUInt32BE(5), payload, number};
    received.push(frame);
    if (type === frames.frameType.data) bodyBytes += payload.length;
    if (type !== frames.frameType.headers && type !== frames.frameType.continuation) return;
    pieces.push(payload);
    if ((flags & frames.flag.endHeaders) === 0) return;
    // In their order, as later ones might refer to earlier ones.
    decoded.set(frame, Object.fromEntries(decoder.decode(Buffer.concat(pieces))));
    pieces = [];
  }

  function until<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
        if (found === undefined && !hasEnded) return;
        looks.delete(look);
        if (found === undefined) reject(new Error('the connection ended'));
        else resolve(found);
      };
      looks.add(look);
      look();
    });
  }

  const client: RawClient = {
    socket,
    frames: received,
    closed,
    get bodyBytes() {
      return bodyBytes;
    },
    send: (...bytes) => void socket.write(Buffer.concat(bytes)),
    frame: (matches) => until(() => received.find(matches)),
    async sync() {
      const payload = Buffer.concat([Buffer.from('sync'), frames.uint32((pings += 1))]);
      client.send(frames.ping(payload));
      await client.frame(({type, payload: each}) => type === frames.frameType.ping && each.equals(payload));
    },
    open(path, ...others) {
      const id = nextId;
      nextId += 2;
      client.send(frames.headers(id, frames.block(...frames.callFields(path, ...others))));
      return id;
    },
    request(method, message) {
      const id = client.open(method.path);
      client.send(frames.data(id, prefixed(method.encode(message)), frames.flag.endStream));
      return id;
    },
    async response(id) {
      const {data, headers, continuation, reset} = frames.frameType;
      const last = await until(() =>
        received.find(
          (frame) =>
            isOf(id, reset)(frame) ||
            (isOf(id, data, headers)(frame) && (frame.flags & frames.flag.endStream) !== 0),
        ),
      );
      const own = received.filter(isOf(id, data, headers, continuation));
      // The end of headers may be in a frame after the one that ends the stream.
      if (last.type === headers) await until(() => (pieces.length === 0 ? true : undefined));
      return {
        headers: Object.assign(
          {},
          ...received.filter(isOf(id, headers, continuation)).map((each) => decoded.get(each)),
        ) as Record<string, string>,
        body: Buffer.concat(own.filter(({type}) => type === data).map(({payload}) => payload)),
        reset: last.type === reset ? last.number : undefined,
      };
    },
    async result(method, id) {
      const {headers, body, reset} = await client.response(id);
      if (reset !== undefined) throw new Error(`reset with ${reset}`);
      let message: ReturnType<typeof method.decode> | undefined;
      new MessageReader((bytes) => (message = method.decode(bytes))).push(body);
      return {status: statusIn(headers), message};
    },
    goaway: async () => (await client.frame(({type}) => type === frames.frameType.goaway)).number,
    [Symbol.dispose]: () => void socket.destroy(),
  };
  client.send(frames.preface, ...(settings === undefined ? [] : [settings]));
  return client;
}

/** @throws Error if a call on the connection fails */
export async function expectServed(client: RawClient): Promise<void> {
  const {status} = await client.result(range, client.request(range, {key: Buffer.from('k')}));
  if (status?.code !== 0) throw new Error(`expected an answer, not ${JSON.stringify(status)}`);
}

/** Opens a watch of the key `k`. @returns its stream */
export async function openWatch(client: RawClient): Promise<number> {
  const id = client.open(watch.path);
  client.send(frames.data(id, prefixed(watch.encode({create: {key: Buffer.from('k')}}))));
  await client.frame((each) => each.id === id && each.type === frames.frameType.data);
  return id;
}
