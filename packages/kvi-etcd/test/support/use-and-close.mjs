/** Does what leaves sockets and timers behind in a careless driver, closes it, and says when. */
import {openEtcdDriver} from 'kvi-etcd';

const key = Buffer.from('exit/key');
const driver = await openEtcdDriver(process.argv[2]);
const {id} = await driver.leaseGrant({ttlSeconds: 60});
await driver.leaseKeepAlive(id);
const watch = driver.watch({key});
await watch.created;
const reading = driver.range({key}, {timeoutMs: 60_000});
await Promise.allSettled([driver.leaseRevoke(id), reading]);
await driver.close();
process.stdout.write('closed\n');
