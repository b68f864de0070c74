import {once} from 'node:events';
import {connect, createServer, type Socket} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {freePort, retryTakenPorts} from './ports.ts';

/** Which way bytes flow through a proxy. */
export type Direction = 'toServer' | 'toClient';

/** A TCP proxy on loopback: the network between a client and its server, at a test's command. */
export interface Proxy extends AsyncDisposable {
  /** `127.0.0.1:PORT`, for the client to connect to. */
  readonly endpoint: string;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** How many connections clients have made so far. */
  readonly connections: number;
  /** How many of them are open. */
  readonly openConnections: number;
  /** How many bytes have arrived here so far, those held back or swallowed included. */
  readonly bytes: Readonly<Record<Direction, number>>;
  /** Resets all connections now. Bytes that are held back are lost. */
  cut(): void;
  /** Ends all connections once exactly this many further bytes have gone to clients; resolves when that is done. */
  cutAfter(bytes: number): Promise<void>;
  /** From now on new connections are refused, as by a machine on which no server runs. Open ones go on. */
  refuse(): void;
  /** Ends what {@link refuse} began. */
  accept(): Promise<void>;
  /** Holds back everything in both directions, as a network that hangs. Connections stay open. */
  freeze(): void;
  /** Lets everything that {@link freeze} held back through, in order. */
  thaw(): void;
  /**
   * Loses everything that arrives for one side, as if it were still on its way. A connection cannot recover from it:
   * {@link cut} it, then end the loss with `swallow()`.
   */
  swallow(direction?: Direction): void;
  /** Leads new connections to another `HOST:PORT`. Open ones go on. */
  redirect(target: string): void;
  /** Holds every byte back for so long, from now on. Default: 0. */
  delay(ms: number): void;
  /** Cuts all connections and ends the proxy. Safe to repeat. */
  close(): Promise<void>;
}

/** Starts a proxy in front of `target`, `HOST:PORT`. */
export async function startProxy(target: string): Promise<Proxy> {
  let destination = target;
  const open = new Set<readonly [client: Socket, server: Socket]>();
  const bytes = {toServer: 0, toClient: 0};
  let connections = 0;
  let delayMs = 0;
  let swallowed: Direction | undefined;
  let limit: {left: number; reached: () => void} | undefined;
  let thawed = Promise.resolve();
  let thaw = (): void => undefined;

  const endAll = (end: (socket: Socket) => void): void => {
    for (const pair of open) pair.forEach(end);
    open.clear();
  };
  const cut = (): void => {
    endAll((socket) => socket.resetAndDestroy());
  };

  const deliver = (chunk: Buffer, to: Socket, direction: Direction): void => {
    if (direction === swallowed || !to.writable) return;
    if (direction === 'toServer' || limit === undefined) {
      to.write(chunk);
      return;
    }
    const allowed = chunk.subarray(0, limit.left);
    limit.left -= allowed.length;
    to.write(allowed, () => {
      if (limit?.left !== 0) return;
      endAll((socket) => socket.destroy());
      limit.reached();
      limit = undefined;
    });
  };

  const relay = (from: Socket, to: Socket, direction: Direction, forget: () => void): void => {
    let last = Promise.resolve();
    const inTurn = (action: () => void): void => {
      const due = delayMs === 0 ? undefined : sleep(delayMs, undefined, {ref: false});
      last = Promise.all([last, due])
        .then(() => thawed)
        .then(action);
    };
    from.on('data', (chunk: Buffer) => {
      bytes[direction] += chunk.length;
      inTurn(() => {
        deliver(chunk, to, direction);
      });
    });
    from.on('end', () => {
      inTurn(() => to.end());
    });
    // A `close` that says so follows every error.
    from.on('error', () => undefined);
    from.on('close', (afterError) => {
      inTurn(() => {
        forget();
        if (afterError) to.resetAndDestroy();
        else to.destroySoon();
      });
    });
  };

  const server = createServer({allowHalfOpen: true}, (client) => {
    const {hostname: host, port: targetPort} = new URL(`tcp://${destination}`);
    const upstream = connect({host, port: Number(targetPort), allowHalfOpen: true});
    const pair = [client, upstream] as const;
    const forget = (): void => {
      open.delete(pair);
    };
    connections += 1;
    open.add(pair);
    relay(client, upstream, 'toServer', forget);
    relay(upstream, client, 'toClient', forget);
  });

  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const port = await retryTakenPorts(async () => {
    const free = await freePort();
    await listen(free);
    return free;
  });
  const refuse = (): void => {
    if (server.listening) server.close();
  };
  const close = async (): Promise<void> => {
    cut();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };

  return {
    endpoint: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
    get openConnections() {
      return open.size;
    },
    bytes,
    cut,
    redirect(to) {
      destination = to;
    },
    cutAfter: (left) =>
      new Promise((reached) => {
        limit = {left, reached};
      }),
    refuse,
    accept: async () => {
      if (!server.listening) await listen(port);
    },
    freeze: () => {
      thaw();
      thawed = new Promise((resolve) => {
        thaw = resolve;
      });
    },
    thaw: () => {
      thaw();
    },
    swallow: (direction) => {
      swallowed = direction;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
