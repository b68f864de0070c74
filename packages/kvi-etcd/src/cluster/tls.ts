/** The TLS handshake of a connection, and what its failure means. */
import {isIP, type Socket} from 'node:net';
import {
  checkServerIdentity,
  connect,
  type PeerCertificate,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';
import type {Certificates} from './certificates.ts';

/** How the message of an error begins that TLS is to blame for: `wire/failures.ts` looks for it in what gRPC says. */
const mark = 'TLS: ';

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
 * @throws Error that says what is wrong with which certificate, or the socket's own error
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
    secured.on('error', (error: NodeJS.ErrnoException) => reject(explain(error, name)));
  });
}

function explain(error: NodeJS.ErrnoException, name: string): Error {
  const {code = '', message} = error;
  // ECONNRESET, EPIPE: the connection broke, and it is not known why.
  if (/^E[A-Z]+$/.test(code)) return error;
  return new Error(`${mark}${meaning(code, name)} (${message.trim()})`, {cause: error});
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
    default:
      return code.startsWith('ERR_')
        ? 'the handshake failed'
        : "the server's certificate is not signed by a trusted authority; pass the authority's certificate as ca";
  }
}
