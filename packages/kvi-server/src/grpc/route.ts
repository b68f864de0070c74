import {type DescribedMethod, grpcCode, type ServedMethod} from 'kvi-wire';
import type {Call, Replies, Requests, Streaming, Unary} from './call.ts';
import {Refusal, statusOf} from './refusal.ts';

/** What the messages of a method are made of. */
export interface Messages extends Pick<DescribedMethod, 'request' | 'response'> {
  /** Whether there are many requests or many responses. */
  readonly isStream: boolean;
}

/** How the server answers the calls of one method, in bytes. */
export type Route = {readonly path: string; readonly messages?: Messages} & (
  | {readonly answer: (request: Buffer, call: Call) => Buffer | Promise<Buffer>}
  | {readonly open: (replies: Replies<Buffer>, call: Call) => Requests<Buffer>}
);

/** One request, one response. */
export function unary<Q, R>(method: ServedMethod<Q, R>, answer: Unary<Q, R>): Route {
  const {path, decodeRequest, encodeResponse} = method;
  return {
    path,
    messages: {request: method.request, response: method.response, isStream: false},
    answer(request, call) {
      const response = answer(decodeRequest(request), call, request.length);
      return response instanceof Promise ? response.then(encodeResponse) : encodeResponse(response);
    },
  };
}

/** One request, and one response that may be long in coming. Like a stream, it ends when the server does. */
export function waiting<Q, R>(method: ServedMethod<Q, R>, answer: Unary<Q, R>): Route {
  const {path, decodeRequest, encodeResponse} = method;
  return {
    path,
    messages: {request: method.request, response: method.response, isStream: false},
    open(replies, call) {
      const over = new AbortController();
      const within = {...call, limits: {...call.limits, signal: over.signal}};
      let isAsked = false;

      async function reply(request: Buffer): Promise<void> {
        try {
          replies.send(encodeResponse(await answer(decodeRequest(request), within, request.length)));
          replies.end();
        } catch (error) {
          replies.end(statusOf(error));
        }
      }

      return {
        onRequest(request) {
          if (isAsked) throw new Refusal({code: grpcCode.internal, details: 'more than one request'});
          isAsked = true;
          return reply(request);
        },
        onEnd() {
          if (!isAsked) throw new Refusal({code: grpcCode.internal, details: 'no request'});
        },
        onClose: () => over.abort(),
      };
    },
  };
}

/** Many requests, many responses. */
export function streaming<Q, R>(method: ServedMethod<Q, R>, open: Streaming<Q, R>): Route {
  const {path, decodeRequest, encodeResponse} = method;
  return {
    path,
    messages: {request: method.request, response: method.response, isStream: true},
    open(replies, call) {
      const typed: Replies<R> = {
        send: (response) => replies.send(encodeResponse(response)),
        end: (status) => replies.end(status),
        get unsentBytes() {
          return replies.unsentBytes;
        },
        drained: () => replies.drained(),
      };
      const {onRequest, onEnd, onClose} = open(typed, call);
      return {onRequest: (request) => onRequest(decodeRequest(request)), onEnd, onClose};
    },
  };
}
