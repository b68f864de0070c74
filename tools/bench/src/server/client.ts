/**
 * A client of gRPC that costs next to nothing, so that what is measured is the server: each request is bytes that were put together
 * before, and of a response it reads the frames, and no headers. It is for servers of this bench, whose calls succeed.
 *
 * @see RFC 9113
 */
import {once} from 'node:events';
import {connect, type Socket} from 'node:net';

const frame = {data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8};
const flag = {endStream: 1, ack: 1, endHeaders: 4};
const headerBytes = 9;
const maxWindow = 2 ** 31 - 1;
/** When a server is told that it may send more. */
const windowStep = 16 * 1024 * 1024;

/** A connection. */
export interface BenchClient extends Disposable {
  /** Makes a call. @returns the response's message */
  call(path: string, request: Buffer): Promise<Buffer>;
  /** Opens a stream, sends a message on it, and passes on each that comes. */
  open(path: string, request: Buffer, onMessage: (message: Buffer) => void): void;
}

export async function connectClient(url: string): Promise<BenchClient> {
  const {hostname, port, host} = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay();
  await once(socket, 'connect');
  const streams = new Map<number, Stream>();
  const blocks = new Map<string, Buffer>();
  let nextId = 1;
  let rest: Buffer = Buffer.alloc(0);
  let received = 0;
  let queued: Buffer[] = [];

  /** What is sent within one turn goes out together. */
  function send(...parts: Buffer[]): void {
    if (queued.length === 0) {
      setImmediate(() => {
        socket.write(Buffer.concat(queued));
        queued = [];
      });
    }
    queued.push(...parts);
  }

  socket.write(
    Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      // The initial window of streams.
      frameOf(frame.settings, 0, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff])),
      frameOf(frame.windowUpdate, 0, 0, uint32(maxWindow - 65_535)),
    ]),
  );
  socket.on('data', (piece: Buffer) => {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    while (rest.length >= headerBytes) {
      const end = headerBytes + rest.readUIntBE(0, 3);
      if (rest.length < end) break;
      onFrame(rest[3] ?? 0, rest[4] ?? 0, rest.readUInt32BE(5), rest.subarray(headerBytes, end));
      rest = rest.subarray(end);
    }
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the connection is closed')));

  function fail(error: Error): void {
    for (const {reject} of streams.values()) reject(error);
    streams.clear();
  }

  function onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    if (type === frame.settings && (flags & flag.ack) === 0)
      send(frameOf(frame.settings, flag.ack, 0, Buffer.alloc(0)));
    else if (type === frame.ping && (flags & flag.ack) === 0) send(frameOf(frame.ping, flag.ack, 0, payload));
    else if (type === frame.goaway) fail(new Error('the server closes the connection'));
    const stream = streams.get(id);
    if (stream === undefined) return;
    if (type === frame.data) take(payload, stream);
    const isEnd =
      type === frame.reset ||
      ((type === frame.data || type === frame.headers) && (flags & flag.endStream) !== 0);
    if (!isEnd) return;
    streams.delete(id);
    stream.end();
  }

  function take(data: Buffer, stream: Stream): void {
    received += data.length;
    if (received > windowStep) {
      send(frameOf(frame.windowUpdate, 0, 0, uint32(received)));
      received = 0;
    }
    stream.push(data);
  }

  function request(path: string, message: Buffer, isWhole: boolean, stream: Stream): void {
    let block = blocks.get(path);
    if (block === undefined) {
      block = headerBlock(path, host);
      blocks.set(path, block);
    }
    const id = nextId;
    nextId += 2;
    streams.set(id, stream);
    const body = Buffer.concat([Buffer.from([0]), uint32(message.length), message]);
    send(
      frameOf(frame.headers, flag.endHeaders, id, block),
      frameOf(frame.data, isWhole ? flag.endStream : 0, id, body),
    );
  }

  return {
    call: (path, message) =>
      new Promise((resolve, reject) => {
        let answer: Buffer | undefined;
        const push = messages((each) => (answer = each));
        const end = () => {
          if (answer === undefined) reject(new Error(`${path} failed`));
          else resolve(answer);
        };
        request(path, message, true, {push, end, reject});
      }),
    open(path, message, onMessage) {
      request(path, message, false, {
        push: messages(onMessage),
        end: () => undefined,
        reject: () => undefined,
      });
    },
    [Symbol.dispose]: () => {
      closeQuietly(socket);
    },
  };
}

interface Stream {
  push: (data: Buffer) => void;
  end: () => void;
  reject: (error: Error) => void;
}

function closeQuietly(socket: Socket): void {
  socket.removeAllListeners('close');
  socket.destroy();
}

/** Puts messages together. */
function messages(onMessage: (message: Buffer) => void): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const end = 5 + rest.readUInt32BE(1);
      onMessage(rest.subarray(5, end));
      rest = rest.subarray(end);
    }
  };
}

function frameOf(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(id, 5);
  bytes.set(payload, headerBytes);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Headers that no table is kept for. The numbers are entries of the static table: RFC 7541, appendix A. */
function headerBlock(path: string, authority: string): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat([
    // :method POST, :scheme http
    Buffer.from([0x83, 0x86]),
    ...[Buffer.from([0x04]), text(path)],
    ...[Buffer.from([0x01]), text(authority)],
    ...[Buffer.from([0x0f, 0x10]), text('application/grpc')],
    ...[Buffer.from([0x00]), text('te'), text('trailers')],
  ]);
}
