import {rename, writeFile} from 'node:fs/promises';
import {writeSync} from 'node:fs';
import {type Command, InvalidArgumentError} from 'commander';
import {connectDriver, readInput} from '../connection.ts';
import type {Perform, Surroundings} from '../context.ts';
import {variable} from '../environment.ts';
import {type ExitCode, ok} from '../exit-codes.ts';
import {usageError} from '../failures.ts';
import type {Io} from '../io.ts';
import {duration, positiveNumber, wholeNumber} from '../parsers.ts';
import type {GlobalOptions} from '../settings.ts';

interface ServeCommandOptions {
  listen?: string;
  port?: number;
  readyFile?: string;
  readyFd?: number;
  clientCa?: string;
  tenants?: boolean;
  control?: boolean;
  etcdVersion?: string;
  /** In milliseconds. */
  progressNotifyInterval?: number;
  maxTxnOps?: number;
  maxRequestBytes?: number;
  quotaBackendBytes?: number;
}

/** `kvi serve [URL]`. It opens no handle: what it serves is a driver. */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      `Serve a store to clients of etcd, in any language. Prints one line, {"url": ..., "pid": ...}, when it is ready. SIGTERM ends it.

--cert and --key are the server's certificate here; KVI_CERT and KVI_KEY are for the store.`,
    )
    .argument('[url]', 'the store (default: --url, $KVI_URL, or mem:)')
    .option(
      '--listen <address>',
      'HOST:PORT or unix:///PATH (default: $ETCD_LISTEN_CLIENT_URLS, or 127.0.0.1:2379)',
    )
    .option('--port <n>', 'the port on 127.0.0.1; 0 for any that is free', portNumber)
    .option('--ready-file <file>', 'write the line to this file, too, when ready')
    .option('--ready-fd <n>', 'write the line to this file descriptor, too, when ready', wholeNumber)
    .option('--client-ca <file>', 'take only clients with a certificate of these authorities')
    .option('--tenants', 'give each client, by the name in its certificate, a store of its own')
    .option('--control', 'let clients advance the clock of mem:, and plan faults; for tests')
    .option('--etcd-version <version>', 'the version of etcd to be')
    .option('--progress-notify-interval <time>', 'between progress notifications of watches', duration)
    .option('--max-txn-ops <n>', 'operations in a branch of a transaction', positiveNumber)
    .option('--max-request-bytes <n>', 'bytes of a request', positiveNumber)
    .option('--quota-backend-bytes <n>', 'bytes that may be written until the alarm NOSPACE', positiveNumber)
    .addHelpText(
      'after',
      '\nExamples:\n  kvi serve mem: --port 0\n  kvi serve http://etcd:2379 --listen 0.0.0.0:2379 --cert server.pem --key server.key',
    )
    .action((url: string | undefined, options: ServeCommandOptions) =>
      perform.withoutStore((surroundings) => serveStore(url, options, surroundings)),
    );
}

/** Serves until a signal asks the program to end. */
async function serveStore(
  url: string | undefined,
  options: ServeCommandOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const {io, json, options: given} = surroundings;
  const listen = addressOf(options, io.env);
  const tls = await serverCertificates(given, options);
  if (options.tenants === true && options.clientCa === undefined) {
    throw usageError('--tenants tells clients apart by their certificates: it takes --client-ca');
  }
  // These two options are the server's.
  const ofStore = {...given};
  delete ofStore.cert;
  delete ofStore.key;
  const settings = await surroundings.settings(ofStore);
  // Other commands do without it.
  const {createTwin, serve, tenants} = await import('kvi-server');
  const where = url ?? settings.url ?? 'mem:';
  if (options.control === true && where !== 'mem:') {
    throw usageError(`--control is for a store of its own, mem:, not ${where}`);
  }
  const twin = options.control === true ? createTwin() : undefined;
  const driver = twin?.driver ?? (await connectDriver({...settings, url: where}, {stderr: io.stderr, json}));
  try {
    const {maxTxnOps, maxRequestBytes, quotaBackendBytes, progressNotifyInterval, etcdVersion} = options;
    await using server = await serve(driver, {
      listen,
      tls,
      control: twin,
      authorize: options.tenants === true ? tenants(driver) : undefined,
      version: etcdVersion,
      limits: {
        maxTxnOps,
        maxRequestBytes,
        quotaBackendBytes,
        progressNotifyIntervalMs: progressNotifyInterval,
      },
    });
    const interrupted = new Promise<void>((resolve) => io.onInterrupt(() => resolve()));
    await announce(`${JSON.stringify({url: server.url, pid: process.pid})}\n`, options, io);
    await interrupted;
    return ok;
  } finally {
    await driver.close();
  }
}

/** Announces that the server is ready. */
async function announce(line: string, {readyFile, readyFd}: ServeCommandOptions, io: Io): Promise<void> {
  io.stdout.write(line);
  if (readyFd !== undefined) writeSync(readyFd, line);
  if (readyFile === undefined) return;
  // Renamed, so that a reader sees the whole line.
  await writeFile(`${readyFile}.${process.pid}`, line);
  await rename(`${readyFile}.${process.pid}`, readyFile);
}

async function serverCertificates(
  {cert, key}: GlobalOptions,
  {clientCa}: ServeCommandOptions,
): Promise<{cert: Buffer; key: Buffer; clientCa?: Buffer} | undefined> {
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined;
  if (cert === undefined || key === undefined) throw usageError('TLS takes both --cert and --key');
  const own = {cert: await readInput(cert), key: await readInput(key)};
  return clientCa === undefined ? own : {...own, clientCa: await readInput(clientCa)};
}

/** Where to listen. `ETCD_LISTEN_CLIENT_URLS` lets the command stand in for etcd. */
function addressOf({listen, port}: ServeCommandOptions, env: Io['env']): string {
  if (listen !== undefined) return listen;
  if (port !== undefined) return `127.0.0.1:${port}`;
  const urls = variable(env, 'ETCD_LISTEN_CLIENT_URLS');
  if (urls === undefined) return '127.0.0.1:2379';
  const [, address] = /^https?:\/\/([^/,]+)\/?$/.exec(urls) ?? [];
  if (address === undefined) {
    throw usageError(
      `ETCD_LISTEN_CLIENT_URLS must be one URL, http://HOST:PORT, not ${JSON.stringify(urls)}`,
    );
  }
  return address.replace(/^localhost:/, '127.0.0.1:');
}

function portNumber(text: string): number {
  const port = wholeNumber(text);
  if (port > 65_535) throw new InvalidArgumentError('It must be a port, at most 65535.');
  return port;
}
