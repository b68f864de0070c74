/**
 * etcd's calls in JSON, over HTTP: a request is a `POST` of its message, and the answer the response's message. Streams are lines of
 * `{"result": ...}`.
 *
 * @see `server/embed/serve.go` in etcd, and https://github.com/grpc-ecosystem/grpc-gateway
 */
import {decodeJson, encodeJson, grpcCode, type GrpcStatus, JsonMismatch, type JsonOptions} from 'kvi-wire';
import type {IncomingHttpHeaders} from 'node:http2';
import type {Readable} from 'node:stream';
import type {Call, CallRules, Replies, Requests} from '../grpc/call.ts';
import {Refusal, statusOfDenial} from '../grpc/refusal.ts';
import type {Messages, Route} from '../grpc/route.ts';
import {takesNoResponses} from '../grpc/serve-call.ts';
import {timeoutIn} from '../grpc/timeout.ts';
import {type Answer, plainText} from '../store/pages.ts';
import {type Exchange, type HttpHandler, respond} from './exchange.ts';
import {failureAnswer, failureLine, statusOfJson} from './failure.ts';
import {JsonValues} from './json-values.ts';
import {parseJson} from './parse-json.ts';
import {gatewayPaths} from './paths.ts';

const noBytes = Buffer.alloc(0);

/** Answers what is below `/v3/`. */
export function jsonGateway(rules: CallRules): HttpHandler {
  /** JSON takes more room than the message that it is. */
  const maxBodyBytes = 2 * rules.maxMessageBytes;

  async function handle(exchange: Exchange): Promise<void> {
    exchange.body.on('error', () => undefined);
    const path = gatewayPaths.get(exchange.path.replace(/^\/v3beta\//, '/v3/'));
    const route = path === undefined ? undefined : rules.routes.get(path);
    if (route === undefined) {
      discard(exchange, plainText(404, 'Not Found\n'));
    } else if (exchange.method !== 'POST') {
      discard(exchange, plainText(405, 'Method Not Allowed\n'));
    } else if (exchange.unsent.bytes > exchange.unsent.limit) {
      discard(exchange, failureAnswer(takesNoResponses));
    } else {
      await serve(exchange, route).catch((error: unknown) => {
        discard(exchange, failureAnswer(statusOfJson(error)));
      });
    }
  }

  async function serve(exchange: Exchange, route: Route): Promise<void> {
    const options = readOptions(exchange);
    const over = new AbortController();
    void exchange.output.closed.then(() => over.abort());
    const call = await begin(exchange, route, over.signal);
    if (over.signal.aborted) return;
    // Those without messages do nothing but refuse.
    const {messages} = route;
    if (messages?.isStream === true && 'open' in route) {
      stream(exchange, messages, (replies) => route.open(replies, call), options);
      return;
    }
    const text = (await readAll(exchange.body, maxBodyBytes)).toString();
    const request =
      messages === undefined
        ? noBytes
        : encodeJson(messages.request, text === '' ? {} : parseJson(text), options);
    checkSize(request);
    if (over.signal.aborted) return;
    const response =
      'answer' in route ? await route.answer(request, call) : await waitFor(route.open, request, call);
    const json = messages === undefined ? {} : decodeJson(messages.response, response, options);
    respond(exchange, {type: 'application/json', body: JSON.stringify(json)});
  }

  async function begin(
    {headers, authority, peer}: Exchange,
    {path}: Route,
    signal: AbortSignal,
  ): Promise<Call> {
    const metadata: IncomingHttpHeaders = {...headers, ':path': path};
    for (const [name, value] of Object.entries(headers)) {
      if (name.startsWith('grpc-metadata-')) metadata[name.slice('grpc-metadata-'.length)] = value;
    }
    await rules.prepare();
    try {
      const driver = await rules.authorize(metadata, peer);
      return {
        driver,
        limits: {signal, timeoutMs: timeoutIn(headers['grpc-timeout'])},
        authority,
        headers: metadata,
      };
    } catch (error) {
      throw new Refusal(statusOfDenial(error));
    }
  }

  /** Makes a call whose only response may be long in coming. */
  function waitFor(
    open: (replies: Replies<Buffer>, call: Call) => Requests<Buffer>,
    request: Buffer,
    call: Call,
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const end = (status?: GrpcStatus): void => {
        rules.endings.delete(end);
        reject(new Refusal(status ?? {code: grpcCode.internal, details: 'no response'}));
      };
      rules.endings.add(end);
      const requests = open({send: resolve, end, unsentBytes: 0, drained: () => Promise.resolve()}, call);
      call.limits.signal?.addEventListener('abort', () => requests.onClose());
      void requests.onRequest(request);
    });
  }

  function stream(
    exchange: Exchange,
    messages: Messages,
    open: (replies: Replies<Buffer>) => Requests<Buffer>,
    options: JsonOptions,
  ): void {
    const {body, output} = exchange;
    const replies = linesTo(exchange, messages, options);
    const requests = open(replies);
    rules.endings.add(replies.end);
    void output.closed.then(() => {
      rules.endings.delete(replies.end);
      requests.onClose();
    });
    const values = new JsonValues(maxBodyBytes);

    function attempt(run: () => void): void {
      try {
        run();
      } catch (error) {
        replies.end(statusOfJson(error));
      }
    }

    body.on('data', (piece: Buffer) => {
      if (replies.hasEnded) return;
      attempt(() => {
        for (const value of values.push(piece)) {
          const request = encodeJson(messages.request, value, options);
          checkSize(request);
          // Its replies would wait, too.
          if (exchange.unsent.bytes > exchange.unsent.limit) throw new Refusal(takesNoResponses);
          void requests.onRequest(request);
        }
      });
    });
    body.on('end', () => {
      if (replies.hasEnded) return;
      attempt(() => {
        values.end();
        requests.onEnd();
      });
    });
  }

  function checkSize({length}: Buffer): void {
    if (length <= rules.maxMessageBytes) return;
    const details = `grpc: received message larger than max (${length} vs. ${rules.maxMessageBytes})`;
    throw new Refusal({code: grpcCode.resourceExhausted, details});
  }

  return handle;
}

/** Answers without looking at the request any further. */
function discard(exchange: Exchange, answer: Answer): void {
  exchange.body.resume();
  respond(exchange, answer);
}

function readOptions({path, query}: Exchange): JsonOptions {
  const utf8 = query.get('utf8') ?? 'false';
  if (utf8 !== 'true' && utf8 !== 'false') throw new JsonMismatch(`utf8 must be true or false, not ${utf8}`);
  // As etcd's gateway does. A typing error in a call of our own is told.
  return {utf8: utf8 === 'true', ignoresUnknown: !path.startsWith('/kvi/')};
}

/** Reads a request to its end. */
function readAll(body: Readable, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    body.on('data', (piece: Buffer) => {
      length += piece.length;
      if (length <= maxBytes) pieces.push(piece);
      else reject(new JsonMismatch(`request too large (limit ${maxBytes} bytes)`));
    });
    body.on('end', () => resolve(Buffer.concat(pieces)));
    body.on('error', reject);
    // Also if it ends before what has come was read.
    body.on('close', () => reject(new Error('the client is gone')));
  });
}

/** The sending side of a stream. */
interface Lines extends Omit<Replies<Buffer>, 'end'> {
  readonly end: (status?: GrpcStatus) => void;
  readonly hasEnded: boolean;
}

function linesTo(exchange: Exchange, {response}: Messages, options: JsonOptions): Lines {
  const {head, output} = exchange;
  let hasBegun = false;
  let hasEnded = false;

  function begin(): void {
    if (hasBegun) return;
    hasBegun = true;
    head(200, {'content-type': 'application/json'});
  }

  function end(status?: GrpcStatus): void {
    if (hasEnded || output.isClosed) return;
    hasEnded = true;
    if (!hasBegun && status !== undefined) {
      discard(exchange, failureAnswer(status));
      return;
    }
    begin();
    if (status !== undefined) output.write(Buffer.from(failureLine(status)));
    output.end();
  }

  return {
    send(message) {
      if (hasEnded || output.isClosed) return;
      try {
        const line = `${JSON.stringify({result: decodeJson(response, message, options)})}\n`;
        begin();
        output.write(Buffer.from(line));
      } catch (error) {
        end(statusOfJson(error));
      }
    },
    end,
    get hasEnded() {
      return hasEnded;
    },
    get unsentBytes() {
      return output.unsentBytes;
    },
    drained: () => output.drained(),
  };
}
