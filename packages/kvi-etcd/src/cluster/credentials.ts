/**
 * How a connection to a member begins once there is a socket: with or without TLS, and within a set time. gRPC asks for
 * the certificates of each new connection, so they can be renewed without losing the present connection.
 */
import {type CallCredentials, ChannelCredentials, credentials, type experimental} from './grpc.ts';
import type {Certificates, CertificateSource} from './certificates.ts';
import type {Socket} from 'node:net';
import {systemClock} from 'kvi-core/driver';

/**
 * How long a peer may take to send its first data. The system accepts connections even for a process that hangs, and gRPC
 * would wait for ever.
 */
const handshakeTimeoutMs = 5_000;

type SecureConnector = experimental.SecureConnector;

/** Credentials that ask `source` for the certificates of each connection. Without a source, there is no TLS. */
export function connectionCredentials(source: CertificateSource | undefined): ChannelCredentials {
  return new ConnectionCredentials(source);
}

class ConnectionCredentials extends ChannelCredentials {
  readonly #source: CertificateSource | undefined;

  constructor(source: CertificateSource | undefined) {
    super();
    this.#source = source;
  }

  _isSecure(): boolean {
    return this.#source !== undefined;
  }

  _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  _createSecureConnector(
    target: Parameters<ChannelCredentials['_createSecureConnector']>[0],
    options: Parameters<ChannelCredentials['_createSecureConnector']>[1],
    callCredentials: CallCredentials = credentials.createEmpty(),
  ): SecureConnector {
    return {
      connect: (socket) =>
        withinHandshake(socket, async () => {
          const current = await this.#current();
          return current._createSecureConnector(target, options, callCredentials).connect(socket);
        }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy: () => undefined,
    };
  }

  async #current(): Promise<ChannelCredentials> {
    return this.#source === undefined ? credentials.createInsecure() : tlsCredentials(await this.#source());
  }
}

/** @throws Error if the certificates are not valid PEM */
export function tlsCredentials({ca, cert, key}: Certificates): ChannelCredentials {
  return credentials.createSsl(pem(ca), pem(key), pem(cert));
}

function pem(value: string | Buffer | undefined): Buffer | null {
  return value === undefined ? null : Buffer.from(value);
}

type Secured = Awaited<ReturnType<SecureConnector['connect']>>;

/** Destroys the socket if the handshake takes too long, or if no data of HTTP/2 has come by then. */
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
