/**
 * How a connection to a member begins, once there is a socket: with TLS or without, and within a set time. gRPC asks for
 * it anew with each connection that it makes, and so can be given other certificates without losing what runs on the
 * present one.
 */
import {type CallCredentials, ChannelCredentials, credentials, type experimental} from '@grpc/grpc-js';
import type {Socket} from 'node:net';

/** What TLS shows and trusts, in PEM. */
export interface Certificates {
  /** The certificates to trust. Default: those that Node trusts. */
  ca?: string | Buffer | undefined;
  /** This client's certificate; with `key`. */
  cert?: string | Buffer | undefined;
  key?: string | Buffer | undefined;
}

/** Gives the certificates to use from now on; called for each connection. */
export type CertificateSource = () => Certificates | Promise<Certificates>;

/**
 * How long a peer that has accepted a connection may take for its first words. A process that hangs accepts connections,
 * or rather its system does, and gRPC would wait for it for ever.
 */
const handshakeTimeoutMs = 5_000;

type SecureConnector = experimental.SecureConnector;

/** Credentials whose certificates come from `source` with each connection; without one, there is no TLS. */
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

/** @throws Error for what is not PEM */
export function tlsCredentials({ca, cert, key}: Certificates): ChannelCredentials {
  return credentials.createSsl(pem(ca), pem(key), pem(cert));
}

function pem(value: string | Buffer | undefined): Buffer | null {
  return value === undefined ? null : Buffer.from(value);
}

type Secured = Awaited<ReturnType<SecureConnector['connect']>>;

/** Ends the socket when the handshake takes too long, or when no word of HTTP/2 has come by then. */
async function withinHandshake(socket: Socket, secure: () => Promise<Secured>): Promise<Secured> {
  let bytesHeard = (): number => 0;
  const timer = setTimeout(() => {
    if (bytesHeard() === 0) {
      socket.destroy(
        new Error(`accepted the connection, and said nothing for ${String(handshakeTimeoutMs)} ms`),
      );
    }
  }, handshakeTimeoutMs).unref();
  const broken = new Promise<never>((_, reject) => {
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(timer);
      reject(new Error('the connection was closed while it began'));
    });
  });
  broken.catch(() => undefined);
  const result = await Promise.race([secure(), broken]);
  bytesHeard = () => result.socket.bytesRead;
  return result;
}
