/**
 * What a client of HTTP/2 sends first, before the connection goes to Node.
 *
 * etcdctl 3.4 names the endpoint of its first request by its whole URL, `:authority: http://HOST:PORT`, in `endpoint status` and
 * others. etcd does not mind. nghttp2, on which Node's HTTP/2 stands, resets the stream. So the server waits for the first
 * request's headers, and mends them. Such a client waits for the server's settings before; so they are sent, and their
 * acknowledgement is taken out, because Node sends its own and knows nothing of these.
 */
import {mendAuthority} from './mend-authority.ts';

/** How a client of HTTP/2 begins: RFC 9113, 3.4. */
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const frameType = {headers: 1, settings: 4, ping: 6};
const flag = {ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20};
const frameHeaderBytes = 9;

/** Settings that set nothing. */
export const emptySettings = Buffer.from([0, 0, 0, frameType.settings, 0, 0, 0, 0, 0]);

/** What of the first frames has come. */
export interface FirstFrames {
  /** Whether the client has acknowledged {@link emptySettings}: before, Node must not see the connection. */
  readonly isAcknowledged: boolean;
  /** Whether there is something that should not wait: a request, or a ping. */
  readonly isUrgent: boolean;
  /** What Node is to see. */
  readonly bytes: Buffer;
}

/** @param received - all that the client has sent */
export function readFirstFrames(received: Buffer): FirstFrames {
  const parts = [received.subarray(0, preface.length)];
  let isAcknowledged = false;
  let isUrgent = false;
  let at = preface.length;
  while (at + frameHeaderBytes <= received.length) {
    const end = at + frameHeaderBytes + received.readUIntBE(at, 3);
    if (end > received.length) break;
    const frame = received.subarray(at, end);
    const [type, flags = 0] = frame.subarray(3, 5);
    const isAck = type === frameType.settings && (flags & flag.ack) !== 0;
    if (type === frameType.ping || type === frameType.headers) isUrgent = true;
    if (isAck && !isAcknowledged) isAcknowledged = true;
    else parts.push(type === frameType.headers ? mended(frame, flags) : frame);
    at = end;
  }
  parts.push(received.subarray(at));
  return {isAcknowledged, isUrgent, bytes: Buffer.concat(parts)};
}

/** A frame of headers whose authority Node accepts. One that is in several frames or padded stays as it is. */
function mended(frame: Buffer, flags: number): Buffer {
  if ((flags & flag.endHeaders) === 0 || (flags & flag.padded) !== 0) return frame;
  const start = frameHeaderBytes + ((flags & flag.priority) === 0 ? 0 : 5);
  const block = mendAuthority(frame.subarray(start));
  if (block === undefined) return frame;
  const whole = Buffer.concat([frame.subarray(0, start), block]);
  whole.writeUIntBE(whole.length - frameHeaderBytes, 0, 3);
  return whole;
}
