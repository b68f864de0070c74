import {once} from 'node:events';
import {type AddressInfo, createServer, type Socket} from 'node:net';
import type {Endpoint} from '../../src/cluster/endpoints.ts';

/** A frame of HTTP/2: RFC 9113, 4.1. */
export interface Frame {
  type: number;
  flags: number;
  streamId: number;
  payload: Buffer;
}

/** The types of frames that tests ask for. */
export const frameType = {data: 0, headers: 1, rstStream: 3, settings: 4, ping: 6};

/** The headers `:status: 200` and `content-type: application/grpc`, as HPACK writes them. */
export const grpcHeaders = Buffer.concat([
  Buffer.from([0x88, 0x0f, 0x10, 16]),
  Buffer.from('application/grpc'),
]);

/** A server that sends frames which Node's does not send, and leaves out those that Node's always sends. */
export interface FrameServer extends AsyncDisposable {
  readonly endpoint: Endpoint;
}

/** @param onFrame - gets each frame that arrives, with how to send another */
export async function startFrameServer(
  onFrame: (frame: Frame, send: (frame: Frame) => void) => void,
): Promise<FrameServer> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    const send = (frame: Frame) => socket.write(write(frame));
    // A client begins with 24 bytes that are no frame.
    let rest = Buffer.alloc(0);
    let skipped = 0;
    socket.on('data', (bytes: Buffer) => {
      const preface = Math.min(24 - skipped, bytes.length);
      skipped += preface;
      rest = Buffer.concat([rest, bytes.subarray(preface)]);
      for (let length = lengthOf(rest); rest.length >= length; length = lengthOf(rest)) {
        onFrame(read(rest.subarray(0, length)), send);
        rest = rest.subarray(length);
      }
    });
    send({type: frameType.settings, flags: 0, streamId: 0, payload: Buffer.alloc(0)});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address() as AddressInfo;
  return {
    endpoint: {host: '127.0.0.1', port, tls: false},
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const headerLength = 9;

/** How long the first frame is. */
function lengthOf(bytes: Buffer): number {
  return bytes.length < headerLength ? Infinity : headerLength + bytes.readUIntBE(0, 3);
}

function read(bytes: Buffer): Frame {
  return {
    type: bytes.readUInt8(3),
    flags: bytes.readUInt8(4),
    streamId: bytes.readUInt32BE(5),
    payload: bytes.subarray(headerLength),
  };
}

function write({type, flags, streamId, payload}: Frame): Buffer {
  const header = Buffer.alloc(headerLength);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}
