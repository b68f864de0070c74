/**
 * How a connection to a member begins once there is a socket: with or without TLS, and within a set time. gRPC asks for
 * the certificates of each new connection, so they can be renewed without losing the present connection.
 */
import {type CallCredentials, ChannelCredentials, credentials, type experimental} from './grpc.ts';
import type {CertificateSource} from './certificates.ts';
import {secure} from './tls.ts';
import type {Socket} from 'node:net';
import {systemClock} from 'kvi-core/driver';

/**
 * How long a peer may take to send its first data. The system accepts connections even for a process that hangs, and gRPC
 * would wait for ever.
 */
const handshakeTimeoutMs = 5_000;

type SecureConnector = experimental.SecureConnector;

/** How to secure connections. */
export interface Security {
  /** Asked for the certificates of each connection. */
  certificates: CertificateSource;
  /** The name that the server's certificate must hold. */
  serverName: string;
}

/** @param security - absent: no TLS */
export function connectionCredentials(security: Security | undefined): ChannelCredentials {
  return new ConnectionCredentials(security);
}

class ConnectionCredentials extends ChannelCredentials {
  readonly #security: Security | undefined;

  constructor(security: Security | undefined) {
    super();
    this.#security = security;
  }

  _isSecure(): boolean {
    return this.#security !== undefined;
  }

  _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  _createSecureConnector(
    _target: unknown,
    _options: unknown,
    callCredentials: CallCredentials = credentials.createEmpty(),
  ): SecureConnector {
    return {
      connect: (socket) => withinHandshake(socket, () => this.#connect(socket)),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy: () => undefined,
    };
  }

  async #connect(socket: Socket): Promise<Secured> {
    if (this.#security === undefined) return {socket, secure: false};
    const {certificates, serverName} = this.#security;
    return {socket: await secure(socket, serverName, await certificates()), secure: true};
  }
}

type Secured = Awaited<ReturnType<SecureConnector['connect']>>;

/** Destroys the socket if the handshake, or the first HTTP/2 data, takes too long. */
async function withinHandshake(socket: Socket, secure: () => Promise<Secured>): Promise<Secured> {
  let bytesReceived = (): number => 0;
  const timer = systemClock.setTimer(handshakeTimeoutMs, () => {
    if (bytesReceived() === 0) {
      socket.destroy(new Error(`no data received within ${handshakeTimeoutMs} ms of connecting`));
    }
  });
  timer.unref();
  const broken = new Promise<never>((_, reject) => {
    socket.once('error', reject);
    socket.once('close', () => {
      timer.cancel();
      reject(new Error('the connection was closed during the handshake'));
    });
  });
  broken.catch(() => undefined);
  const result = await Promise.race([secure(), broken]);
  bytesReceived = () => result.socket.bytesRead;
  return result;
}
