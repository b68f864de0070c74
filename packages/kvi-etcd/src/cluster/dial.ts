/** How a connection to a member begins: name, socket, TLS, HTTP/2, all within a set time. */
import {connect, type Socket} from 'node:net';
import {once} from 'node:events';
import {onAbort, systemClock} from 'kvi-core/driver';
import {GrpcError, notConnected} from '../failures/grpc-failures.ts';
import type {CertificateSource} from './certificates.ts';
import {addressOf, certifiedName, type Endpoint} from './endpoints.ts';
import {type Http2Session, http2Session} from './http2-session.ts';
import {secure, tlsFailure} from './tls.ts';

/** How connections to members begin. */
export interface ConnectionOptions {
  /** The certificates for TLS, asked for with each connection. */
  certificates?: CertificateSource | undefined;
  /** The name that a member's certificate must hold. Default: the host of its endpoint. */
  serverName?: string | undefined;
}

/** How long it may all take. The system accepts connections even for a process that hangs. */
const timeoutMs = 5_000;

/** How long one of several addresses of a name may take before the next is tried. */
const addressTimeoutMs = 500;

/**
 * Connects to a member. Nothing of it keeps the process alive.
 *
 * @throws GrpcError that says why there is no connection
 */
export async function dial(
  endpoint: Endpoint,
  {certificates = () => ({}), serverName = certifiedName(endpoint)}: ConnectionOptions,
  signal: AbortSignal,
): Promise<Http2Session> {
  const socket = connect({
    ...addressOf(endpoint),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: addressTimeoutMs,
  });
  socket.unref();
  const timer = systemClock
    .setTimer(timeoutMs, () => {
      const done = socket.connecting ? 'no connection' : 'no data received on the connection';
      socket.destroy(new Error(`${done} within ${timeoutMs} ms`));
    })
    .unref();
  const stopListening = onAbort(signal, () => socket.destroy());

  async function negotiate(): Promise<Http2Session> {
    await once(socket, 'connect');
    // Each address of a name has a handle of its own.
    socket.unref();
    return http2Session(endpoint.tls ? await secure(socket, serverName, await certificates()) : socket);
  }

  try {
    return await Promise.race([negotiate(), ended(socket)]);
  } catch (error) {
    socket.destroy();
    throw explain(error, serverName);
  } finally {
    timer.cancel();
    stopListening();
  }
}

const closedSilently = new Error('the server closed the connection without a word');

/** Rejects when the socket has ended, with its error. */
function ended(socket: Socket): Promise<never> {
  return new Promise((_, reject) => {
    socket.on('error', reject);
    // An error of TLS or HTTP/2 may explain it.
    socket.on('close', () => setImmediate(reject, closedSilently));
  });
}

function explain(error: unknown, serverName: string): GrpcError {
  if (error instanceof GrpcError) return error;
  if (!isError(error)) return notConnected(String(error));
  const {code = ''} = error;
  if (code.startsWith('ERR_SSL_')) return tlsFailure(error, serverName);
  if (code === 'ERR_HTTP2_ERROR') return notConnected(error.message, 'not gRPC', {cause: error});
  const isSilent = error === closedSilently || code === 'ECONNRESET' || code === 'EPIPE';
  return notConnected(describe(error), isSilent ? 'silent' : undefined, {cause: error});
}

/** A test runner may give this module an `Error` of its own, of which Node's errors are no instances. */
function isError(error: unknown): error is NodeJS.ErrnoException {
  return typeof error === 'object' && error !== null && 'message' in error;
}

/** If a name has several addresses, each has an error of its own. */
function describe(error: Error): string {
  if (!('errors' in error && Array.isArray(error.errors))) return error.message;
  return error.errors.map(({message}: Error) => message).join(', ');
}
