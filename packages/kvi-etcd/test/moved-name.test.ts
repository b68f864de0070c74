import {expect, it} from '@jest/globals';
import {describeWithEtcd, freePort, startEtcd} from 'kvi-testbed';
import dns from 'node:dns';
import {once} from 'node:events';
import {connect, createServer, type Server, type Socket} from 'node:net';
import {openEtcdDriver} from '../src/index.ts';
import {put, read, untilAvailable} from './support/util.ts';

type Found = (error: NodeJS.ErrnoException | null, addresses: dns.LookupAddress[]) => void;

/** Serves an etcd at an address of its own. */
async function relay(host: string, port: number, target: string): Promise<{stop: () => void}> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    const etcd = connect(Number(new URL(target).port), '127.0.0.1');
    for (const end of [socket, etcd]) sockets.push(end.on('error', () => undefined));
    socket.pipe(etcd).pipe(socket);
  });
  server.listen(port, host);
  await once(server, 'listening');
  const stop = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return {stop};
}

describeWithEtcd('an etcd whose name gets another address', () => {
  it('is found again', async () => {
    await using etcd = await startEtcd();
    const port = await freePort();
    let address = '127.0.0.1';
    const {lookup} = dns;
    // The name belongs to nobody, so nothing but this can say where it is.
    dns.lookup = ((name: string, options: dns.LookupAllOptions, found: Found) => {
      if (name.endsWith('.test')) found(null, [{address, family: 4}]);
      else lookup(name, options, found);
    }) as typeof lookup;
    const before = await relay(address, port, etcd.url);
    const driver = await openEtcdDriver(`http://etcd.kvi.test:${String(port)}`);
    await driver.txn(put('moved'));
    before.stop();
    address = '127.0.0.2';
    const after = await relay(address, port, etcd.url);
    expect(await untilAvailable(() => read(driver, 'moved'))).toBe('v');
    await driver.close();
    after.stop();
    dns.lookup = lookup;
  });
});
