/** Starts an etcd, says which, and waits to be killed. */
import {startEtcd} from '../../src/etcd.ts';

const {pid, dataDir} = await startEtcd();
console.log(JSON.stringify({pid, dataDir}));
