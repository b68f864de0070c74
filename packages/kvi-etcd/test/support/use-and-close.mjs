/** Does what leaves sockets and timers behind in a careless driver, and closes it. */
import {openEtcdDriver} from 'kvi-etcd';

const key = Buffer.from('exit/key');
const driver = await openEtcdDriver(process.argv[2]);
const {id} = await driver.leaseGrant({ttlSeconds: 60});
await driver.leaseKeepAlive(id);
const watch = driver.watch({key});
await watch.created;
// Longer than the test may take: a timer that is left behind is noticed.
const reading = driver.range({key}, {timeoutMs: 3_600_000});
await Promise.allSettled([driver.leaseRevoke(id), reading]);
await driver.close();
process.stdout.write('closed\n');
