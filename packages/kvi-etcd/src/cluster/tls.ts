/** The TLS handshake of a connection, and what its failure means. */
import {isIP, type Socket} from 'node:net';
import {
  checkServerIdentity,
  connect,
  type PeerCertificate,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';
import {type GrpcError, notConnected} from '../failures/grpc-failures.ts';
import type {Certificates} from './certificates.ts';

/** Certificates as Node takes them. Without authorities it trusts its own, those of `NODE_EXTRA_CA_CERTS` among them. */
export function contextOptions({ca, cert, key}: Certificates): SecureContextOptions {
  return {
    ...(ca === undefined ? {} : {ca}),
    ...(cert === undefined ? {} : {cert}),
    ...(key === undefined ? {} : {key}),
  };
}

/**
 * Secures a socket.
 *
 * @param name - what the server's certificate must hold
 * @throws GrpcError that says what is wrong with which certificate, or the socket's own error
 */
export function secure(socket: Socket, name: string, certificates: Certificates): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secured = connect(
      {
        ...contextOptions(certificates),
        socket,
        ALPNProtocols: ['h2'],
        rejectUnauthorized: true,
        // TLS knows no name for an address. It is checked all the same.
        ...(isIP(name) === 0 ? {servername: name} : {}),
        checkServerIdentity: (_, certificate: PeerCertificate) => checkServerIdentity(name, certificate),
      },
      () => resolve(secured),
    );
    secured.on('error', (error: NodeJS.ErrnoException) => {
      // ECONNRESET, EPIPE: the connection broke, and it is not known why.
      const isOfSocket = /^E[A-Z]+$/.test(error.code ?? '');
      reject(isOfSocket ? error : tlsFailure(error, name));
    });
  });
}

/** @param error - of TLS: of the handshake, or an alert that the server sent later */
export function tlsFailure(error: NodeJS.ErrnoException, name: string): GrpcError {
  const {code = '', message} = error;
  return notConnected(`${meaning(code, name)} (${alertIn(message) ?? message.trim()})`, 'tls', {
    cause: error,
  });
}

/** What the server says in an alert, of a message of OpenSSL's. */
function alertIn(message: string): string | undefined {
  return /alert ([^:]+):[^:]*:\d+:SSL alert number \d+/.exec(message)?.[1];
}

function meaning(code: string, name: string): string {
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the server's certificate is not for ${JSON.stringify(name)}; connect to a name that it holds, or set serverName`;
    case 'CERT_HAS_EXPIRED':
      return "the server's certificate has expired";
    case 'CERT_NOT_YET_VALID':
      return "the server's certificate is not valid yet";
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'the server does not speak TLS; use http:// or etcd://';
    case 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL':
      return 'the server does not speak HTTP/2, which gRPC needs';
    case 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION':
      return 'the server speaks no version of TLS that Node allows';
    default:
      if (/^ERR_SSL_.*ALERT/.test(code)) {
        return "the server did not accept the client's certificate; pass cert and key that it trusts";
      }
      return code.startsWith('ERR_')
        ? 'the handshake failed'
        : "the server's certificate is not signed by a trusted authority; pass the authority's certificate as ca";
  }
}
