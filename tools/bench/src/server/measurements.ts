/** What `npm run bench:server` measures. */
import {compact, put, range, watch} from 'kvi-wire';
import type {Bench} from '../bench.ts';
import type {Round, Sample} from '../rounds.ts';
import {type BenchClient, connectClient} from './client.ts';
import {type Contestant, cpuOf, memoryOf, type Program, startEtcdInMemory, startKvi} from './contestants.ts';

const value = Buffer.alloc(100, 'v');
const keyOf = (n: number): Buffer => Buffer.from(`bench/${String(n).padStart(6, '0')}`);

/** Milliseconds that a round of a full run takes. */
const roundMs = 1_000;
/** How many keys calls use by turns. */
const keys = 1_000;

/** Starts both, and has them measured. */
async function withBoth(
  program: Program | undefined,
  run: (kvi: Contestant, etcd: Contestant) => Promise<void>,
): Promise<void> {
  await using etcd = await startEtcdInMemory();
  await using kvi = await startKvi(program);
  await run(kvi, etcd);
}

/** Puts, and linearizable reads of one key, by how many callers wait at the same time. */
export async function calls(bench: Bench, program?: Program, callerCounts = [1, 64, 256]): Promise<void> {
  const operations = {
    put: (client: BenchClient, n: number) =>
      client
        .call(put.path, put.encode({key: keyOf(n % keys), value}))
        .then((bytes) => put.decode(bytes).header !== undefined),
    range: (client: BenchClient, n: number) =>
      client
        .call(range.path, range.encode({key: keyOf(n % keys)}))
        .then((bytes) => range.decode(bytes).count === 1),
  };
  await withBoth(program, async (kvi, etcd) => {
    const contestants = [kvi, etcd].map(async (server) => {
      const client = await connectClient(server.url);
      for (let n = 0; n < keys; n += 1) await operations.put(client, n);
      return {server, client};
    });
    const [ours, theirs] = await Promise.all(contestants);
    if (ours === undefined || theirs === undefined) throw new Error('two are compared');
    using _ours = ours.client;
    using _theirs = theirs.client;
    for (const [name, operation] of Object.entries(operations)) {
      for (const callers of callerCounts) {
        const round =
          ({server, client}: typeof ours): Round =>
          async () => {
            const sample = await callsPerSecond(server, callers, bench.times(roundMs), (n) =>
              operation(client, n),
            );
            await forget(client);
            return sample;
          };
        await bench.measure({
          name: `server: ${name}, ${callers} caller${callers === 1 ? '' : 's'}`,
          kvi: round(ours),
          peers: {[etcd.name]: round(theirs)},
        });
      }
    }
  });
}

/** Keeps the history short, so that later rounds find what earlier ones did. */
async function forget(client: BenchClient): Promise<void> {
  const {header} = put.decode(await client.call(put.path, put.encode({key: keyOf(0), value})));
  await client.call(compact.path, compact.encode({revision: header?.revision}));
}

async function callsPerSecond(
  {pid}: Contestant,
  callers: number,
  ms: number,
  call: (n: number) => Promise<boolean>,
): Promise<Sample> {
  let done = 0;
  const cost = await costOf(pid, async () => {
    const end = performance.now() + ms;
    const caller = async (): Promise<void> => {
      do {
        if (!(await call(done++))) throw new Error('a call got a wrong answer');
      } while (performance.now() < end);
    };
    await Promise.all(Array.from({length: callers}, caller));
  });
  return {
    'calls/s': done / cost.seconds,
    "µs of the server's CPU a call": (1e6 * cost.serverSeconds) / done,
    "µs of the client's CPU a call": (1e6 * cost.clientSeconds) / done,
  };
}

/** What a piece of work took of both processes. */
async function costOf(
  pid: number,
  work: () => Promise<void>,
): Promise<{seconds: number; serverSeconds: number; clientSeconds: number}> {
  const [client, server, start] = [process.cpuUsage(), await cpuOf(pid), performance.now()];
  await work();
  const seconds = (performance.now() - start) / 1_000;
  const {user, system} = process.cpuUsage(client);
  return {seconds, serverSeconds: (await cpuOf(pid)) - server, clientSeconds: (user + system) / 1e6};
}

/** One writer, and many watchers of what it writes. */
export async function watchFanOut(
  bench: Bench,
  program?: Program,
  watchers = 1_000,
  connections = 10,
): Promise<void> {
  await withBoth(program, async (kvi, etcd) => {
    const rounds = await Promise.all(
      [kvi, etcd].map((server) => fanOut(server, watchers, connections, bench.times(50))),
    );
    const [ours, theirs] = rounds;
    if (ours === undefined || theirs === undefined) throw new Error('two are compared');
    await bench.measure({
      name: `server: 1 writer, ${watchers.toLocaleString('en')} watchers`,
      kvi: ours,
      peers: {[etcd.name]: theirs},
    });
  });
}

async function fanOut(
  {url, pid}: Contestant,
  watchers: number,
  connections: number,
  writes: number,
): Promise<Round> {
  const writer = await connectClient(url);
  let created = 0;
  let events = 0;
  let onAll = (): void => undefined;
  const key = keyOf(0);
  const request = watch.encode({create: {key}});
  await new Promise<void>((resolve) => {
    onAll = resolve;
    for (let n = 0; n < connections; n += 1) {
      void connectClient(url).then((client) => {
        for (let each = 0; each < watchers / connections; each += 1) {
          client.open(watch.path, request, (bytes) => {
            const message = watch.decode(bytes);
            if (message.created) created += 1;
            events += message.events.length;
            if (created === watchers && (events === 0 || events === writes * watchers)) onAll();
          });
        }
      });
    }
  });
  return async () => {
    events = 0;
    const cost = await costOf(pid, async () => {
      const all = new Promise<void>((resolve) => (onAll = resolve));
      for (let n = 0; n < writes; n += 1) await writer.call(put.path, put.encode({key, value}));
      await all;
    });
    const count = writes * watchers;
    return {
      'events/s': count / cost.seconds,
      "µs of the server's CPU an event": (1e6 * cost.serverSeconds) / count,
      "µs of the client's CPU an event": (1e6 * cost.clientSeconds) / count,
    };
  };
}

/** From the start of the process to the first answer. */
export async function firstAnswer(bench: Bench, program?: Program): Promise<void> {
  const round =
    (start: () => Promise<Contestant>): Round =>
    async () => {
      const begun = performance.now();
      await using server = await start();
      using client = await connectClient(server.url);
      await client.call(range.path, range.encode({key: keyOf(0)}));
      return {'ms to the first answer': performance.now() - begun};
    };
  await bench.measure({
    name: 'server: start',
    kvi: round(() => startKvi(program)),
    peers: {'etcd, as it is by default': round(startEtcdInMemory)},
  });
}

/** How the memory of the server grows with keys. */
export async function memory(bench: Bench, program?: Program): Promise<void> {
  const count = bench.times(100_000);
  const round =
    (start: () => Promise<Contestant>): Round =>
    async () => {
      await using server = await start();
      using client = await connectClient(server.url);
      await client.call(range.path, range.encode({key: keyOf(0)}));
      const before = await memoryOf(server.pid);
      let next = 0;
      const caller = async (): Promise<void> => {
        while (next < count) await client.call(put.path, put.encode({key: keyOf(next++), value}));
      };
      await Promise.all(Array.from({length: 64}, caller));
      return {'MB more': (await memoryOf(server.pid)) - before};
    };
  await bench.measure({
    name: `server: ${count.toLocaleString('en')} keys`,
    kvi: round(() => startKvi(program)),
    peers: {etcd: round(startEtcdInMemory)},
  });
}
