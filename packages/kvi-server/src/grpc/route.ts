import type {ServedMethod} from 'kvi-wire';
import type {Call, Replies, Requests, Streaming, Unary} from './call.ts';

/** How the server answers the calls of one method, in bytes. */
export type Route = {readonly path: string} & (
  | {readonly answer: (request: Buffer, call: Call) => Buffer | Promise<Buffer>}
  | {readonly open: (replies: Replies<Buffer>, call: Call) => Requests<Buffer>}
);

/** One request, one response. */
export function unary<Q, R>(method: ServedMethod<Q, R>, answer: Unary<Q, R>): Route {
  const {path, decodeRequest, encodeResponse} = method;
  return {
    path,
    answer(request, call) {
      const response = answer(decodeRequest(request), call, request.length);
      return response instanceof Promise ? response.then(encodeResponse) : encodeResponse(response);
    },
  };
}

/** Many requests, many responses. */
export function streaming<Q, R>(method: ServedMethod<Q, R>, open: Streaming<Q, R>): Route {
  const {path, decodeRequest, encodeResponse} = method;
  return {
    path,
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
