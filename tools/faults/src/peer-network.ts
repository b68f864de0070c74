/** The network between the members of a cluster, which can isolate one of them. */
import {createServer, connect, type Socket} from 'node:net';
import {once} from 'node:events';

/** Proxies in front of the members' peer endpoints. */
export interface PeerNetwork {
  /** Starts the proxy for a member, and resolves with the endpoint for its peers. */
  endpointFor(target: string, index: number): Promise<string>;
  /** Sets the ids of the members, by which a member introduces itself when it connects. */
  know(ids: readonly string[]): void;
  /** Lets nothing pass between this member and the others. Connections stay open, as on a network that hangs. */
  isolate(index: number): void;
  heal(): void;
  close(): void;
}

interface Link {
  from: Socket;
  to: Socket;
  /** The member that listens, and the id of the one that connected, once it is known. */
  target: number;
  source: string | undefined;
}

/** The header by which a peer introduces itself, in the first bytes of a connection. */
const peerId = /x-server-from: ([0-9a-f]+)/i;

export function peerNetwork(): PeerNetwork {
  const links = new Set<Link>();
  const servers: {close(): unknown}[] = [];
  let memberIds: readonly string[] = [];
  let isolated: number | undefined;

  const isHeld = ({target, source}: Link): boolean =>
    isolated !== undefined && (target === isolated || source === memberIds[isolated]);

  function relay(link: Link, from: Socket, to: Socket): void {
    from.on('data', (chunk: Buffer) => {
      if (from === link.from) link.source ??= peerId.exec(chunk.toString('latin1'))?.[1];
      if (isHeld(link)) {
        pause(link);
        from.unshift(chunk);
      } else {
        to.write(chunk);
      }
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      links.delete(link);
      to.destroy();
    });
  }

  return {
    async endpointFor(target, index) {
      const {hostname, port} = new URL(`tcp://${target}`);
      const server = createServer((from) => {
        const to = connect(Number(port), hostname);
        const link: Link = {from, to, target: index, source: undefined};
        links.add(link);
        relay(link, from, to);
        relay(link, to, from);
        if (isHeld(link)) pause(link);
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      servers.push(server);
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
      return `127.0.0.1:${address.port}`;
    },
    know: (ids) => {
      memberIds = ids;
    },
    isolate: (index) => {
      isolated = index;
      for (const link of links) if (isHeld(link)) pause(link);
    },
    heal: () => {
      isolated = undefined;
      for (const {from, to} of links) {
        from.resume();
        to.resume();
      }
    },
    close: () => {
      for (const server of servers) server.close();
      for (const {from, to} of links) {
        from.destroy();
        to.destroy();
      }
    },
  };
}

function pause({from, to}: Link): void {
  from.pause();
  to.pause();
}
