import {randomInt} from 'node:crypto';
import {createServer} from 'node:net';

/**
 * Finds a loopback port that nobody listens on. Another process may take it before the caller does: whoever listens on
 * it must be ready to try again with another.
 *
 * It lies below the range from which systems give ports to outgoing connections (32768 on Linux). A client that
 * reconnects to a stopped server would otherwise sometimes be given the server's own port, and keep it from restarting.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** Runs `start`, again when somebody else took its port between the choice and the use. */
export async function retryTakenPorts<T>(start: () => Promise<T>, attempts = 5): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (attempts > 1 && String(error).includes('address already in use'))
      return retryTakenPorts(start, attempts - 1);
    throw error;
  }
}
