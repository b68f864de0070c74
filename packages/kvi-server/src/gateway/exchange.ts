import type {IncomingHttpHeaders} from 'node:http2';
import type {Readable} from 'node:stream';
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
  readonly output: Output;
  /** What the client of the connection has not taken. */
  readonly unsent: Unsent;
}

/** The body of a response. */
export interface Output {
  write(bytes: Buffer): void;
  end(): void;
  /** Whether nobody takes it any more. */
  readonly isClosed: boolean;
  /** Resolves when nobody takes it any more, whatever the reason. */
  readonly closed: Promise<void>;
  /** Bytes that the client has not taken. */
  readonly unsentBytes: number;
  /** Resolves when the client has taken most of it, or nobody takes it any more. */
  drained(): Promise<void>;
}

/** Answers requests. Never rejects. */
export type HttpHandler = (exchange: Exchange) => Promise<void>;

/** Sends a whole response. */
export function respond({method, head, output}: Exchange, {status = 200, type, body}: Answer): void {
  if (output.isClosed) return;
  const bytes = Buffer.from(body);
  head(status, {'content-type': type, 'content-length': bytes.length});
  if (method !== 'HEAD') output.write(bytes);
  output.end();
}

/** The parts of a URL that a request names. */
export function readUrl(url: string): Pick<Exchange, 'path' | 'query'> {
  const [, path = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(url) ?? [];
  return {path, query: new URLSearchParams(query)};
}
