import {isKviError, open, type Kvi, type KviOptions, type EtcdOptions, type OpenMemDriverOptions} from 'kvi';
import {
  atomically,
  discover,
  election,
  exportKeys,
  importKeys,
  json,
  namespace,
  register,
  typed,
} from 'kvi/recipes';
import {createKvi} from 'kvi-core';
import {systemClock, type Driver} from 'kvi-core/driver';
import {testDriver} from 'kvi-contract';
import {Faults, ManualClock, MemStore, openMem} from 'kvi-mem';
import {beginTest, endTest} from 'kvi-mem/testing';
import {openEtcd} from 'kvi-etcd';
import {registerKviResolver} from 'kvi-grpc';

export async function use(url: string): Promise<string | undefined> {
  const etcd: EtcdOptions = {ca: 'pem'};
  const kv: Kvi = await open(url, {etcd});
  const value: string | undefined = await kv.get('k');
  // @ts-expect-error the value is a text
  const wrong: number | undefined = await kv.get('k');
  for await (const {revision, events} of kv.changes({prefix: 'a'})) {
    const at: number = revision;
    for (const event of events) {
      const text: string | undefined = event.value;
      // @ts-expect-error the value is a text
      const wrong: number | undefined = event.value;
      console.log(at, text, wrong);
    }
  }
  const changes = kv.changes('k');
  const next = await changes.next();
  if (next.done === true) {
    const u: undefined = next.value;
    console.log(u);
  } else console.log(next.value.events.length);
  await register(kv, 'checkout', {addr: '10.0.0.1:8080'});
  for await (const instances of discover(kv, 'checkout')) {
    const key: string | undefined = instances.get('10.0.0.1:8080')?.key;
    console.log(key);
  }
  registerKviResolver(kv, {scheme: 'etcd'});
  const bytes: Uint8Array | undefined = await kv.bytes.get('k');
  const view = typed(namespace(kv, 'views/'), json<{n: number}>());
  const n: number | undefined = (await view.get('k'))?.n;
  for (const {value, error} of await view.getRange('k'))
    console.log(n, error === undefined ? value.n : error.code);
  const sum: number = await atomically(kv, async (t) => Number((await t.get('a')) ?? 0));
  const leader: string | undefined = (await election(kv, 'nightly').leader())?.value;
  const {created} = await importKeys(kv, exportKeys(kv, {prefix: 'a/'}), {prefix: 'b/', dryRun: true});
  console.log(sum, leader, created);
  const lock = await kv.distLock('nightly');
  await lock.release();
  const driver: Driver = new MemStore({clock: new ManualClock()}).driver({faults: new Faults()});
  const other = createKvi(driver);
  await other.close();
  if (isKviError(new Error(), 'KVI_TIMEOUT')) return undefined;
  console.log(wrong, bytes, systemClock.now(), testDriver, openMem, openEtcd, beginTest, endTest);
  return value;
}
