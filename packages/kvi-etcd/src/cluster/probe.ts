import {connect as connectSocket} from 'node:net';
import {connect as connectTls} from 'node:tls';
import {addressOf, type Endpoint} from './endpoints.ts';

/** How long a server may take to show what it speaks. */
const timeoutMs = 1_000;

/**
 * Whether a server speaks TLS at a plain endpoint, or plain HTTP at a TLS endpoint. A server closes a mismatched connection
 * without a message, so this opens another one to find out.
 */
export function speaksTheOther(endpoint: Endpoint): Promise<boolean> {
  return endpoint.tls ? speaksHttp(endpoint) : speaksTls(endpoint);
}

function speaksTls(endpoint: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTls({...addressOf(endpoint), rejectUnauthorized: false}, () => end(true));
    // One that wants a certificate, for instance, says so in TLS.
    socket.on('error', ({code = ''}: NodeJS.ErrnoException) => end(/^ERR_SSL_.*ALERT/.test(code)));
    socket.on('close', () => end(false));
    socket.setTimeout(timeoutMs, () => end(false));

    function end(answer: boolean): void {
      socket.destroy();
      resolve(answer);
    }
  });
}

function speaksHttp(endpoint: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(addressOf(endpoint), () => socket.write('GET /version HTTP/1.0\r\n\r\n'));
    // Go's TLS servers answer "HTTP/1.0 400 Bad Request" to a client that does not speak TLS.
    socket.once('data', (data) => end(/^HTTP\/1\.\d (?!400)/.test(data.toString('latin1'))));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.setTimeout(timeoutMs, () => end(false));

    function end(answer: boolean): void {
      socket.destroy();
      resolve(answer);
    }
  });
}
