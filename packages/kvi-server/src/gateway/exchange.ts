import type {IncomingHttpHeaders} from 'node:http2';
import type {Readable, Writable} from 'node:stream';
import type {PeerCertificate} from 'node:tls';
import type {Unsent} from '../grpc/serve-call.ts';
import type {Answer} from '../store/pages.ts';

/** A request over HTTP that is not gRPC, of either version of HTTP, and where its response goes. */
export interface Exchange {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The address that the client dialled: `HOST:PORT`. */
  readonly authority: string;
  readonly peer: PeerCertificate | undefined;
  readonly body: Readable;
  /** Sends the head of the response. What follows goes to {@link Exchange.output}. */
  readonly head: (status: number, headers: Readonly<Record<string, string | number>>) => void;
  readonly output: Writable;
  /** Counts what the client of the connection has not taken. */
  readonly unsent: Unsent;
}

/** Answers requests. Never rejects. */
export type HttpHandler = (exchange: Exchange) => Promise<void>;

/** Sends a whole response. */
export function respond(exchange: Exchange, {status = 200, type, body}: Answer): void {
  const {method, head, output} = exchange;
  if (output.destroyed) return;
  head(status, {'content-type': type, 'content-length': Buffer.byteLength(body)});
  if (method !== 'HEAD') write(exchange, body);
  output.end();
}

/** Sends a part of the response. */
export function write({output, unsent}: Exchange, text: string): void {
  const bytes = Buffer.from(text);
  unsent.bytes += bytes.length;
  output.write(bytes, () => {
    unsent.bytes -= bytes.length;
  });
}

/** The parts of a URL that a request names. */
export function readUrl(url: string): Pick<Exchange, 'path' | 'query'> {
  const [, path = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(url) ?? [];
  return {path, query: new URLSearchParams(query)};
}
