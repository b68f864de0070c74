import {decode, encode, type Message} from '../protobuf/protobuf.ts';
import type {Described} from '../protobuf/shape.ts';

/** One of etcd's calls, as a client makes it. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly encode: (request: Request) => Buffer;
  readonly decode: (response: Buffer) => Response;
}

/** What a call's messages are made of. */
export interface DescribedMethod {
  readonly path: string;
  readonly request: Described;
  readonly response: Described;
}

/** One of etcd's calls, as a server answers it. */
export interface ServedMethod<Request, Response> extends DescribedMethod {
  /** @throws RangeError if the request is malformed */
  readonly decodeRequest: (request: Buffer) => Request;
  readonly encodeResponse: (response: Response) => Buffer;
}

/** Declares a call. @param path - `/SERVICE/METHOD` */
export function method<SentQ, ReceivedQ, SentR, ReceivedR>(
  path: string,
  request: Message<SentQ, ReceivedQ>,
  response: Message<SentR, ReceivedR>,
): Method<SentQ, ReceivedR> & ServedMethod<ReceivedQ, SentR> {
  return {
    path,
    request,
    response,
    encode: (value) => encode(request, value),
    decode: (buffer) => decode(response, buffer),
    decodeRequest: (buffer) => decode(request, buffer),
    encodeResponse: (value) => encode(response, value),
  };
}
