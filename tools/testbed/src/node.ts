import {randomUUID} from 'node:crypto';
import {mkdir, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {startChild, type Child} from './child.ts';
import {etcdctl as runEtcdctl} from './etcdctl.ts';
import {freePort} from './ports.ts';
import type {EtcdBinary, Release} from './provision.ts';

/** How to start an etcd. */
export interface EtcdOptions {
  /** Further arguments for `etcd`. */
  args?: readonly string[];
  /**
   * Further URLs to serve clients on: `https://127.0.0.1:PORT`, with the certificates among `args`; `unix://localhost:NAME`,
   * a socket of the name `localhost:NAME` in `dataDir`.
   */
  clientUrls?: readonly string[];
  /** Where its data is; the caller's to remove. Default: a temporary folder, which `stop` removes. */
  dataDir?: string;
  /** The Debian release whose etcd to run. Default: as `provisionEtcd` chooses. */
  release?: Release;
}

/** A running etcd that belongs to one test. */
export interface Etcd extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** `127.0.0.1:PORT` */
  readonly endpoint: string;
  /** As etcd says it: `3.4.23`. */
  readonly version: string;
  /** Where its data is. */
  readonly dataDir: string;
  /** Its process id; another after `restart`. */
  readonly pid: number;
  /**
   * Resolves when it answers, which takes a leader. Cluster nodes forward a write to the leader they know of: one that
   * was sent just after that leader's death is lost, and fails after five seconds. Waiting here first avoids it.
   */
  untilReady(): Promise<void>;
  /** Sends it a signal: SIGSTOP and SIGCONT make a server that hangs, SIGKILL one that is gone until `restart`. */
  signal(name: NodeJS.Signals): void;
  /** Kills it, if it still runs, and starts it again on its data and its ports. Resolves when it answers. */
  restart(): Promise<void>;
  /** Saves what it holds to a file beside its data. */
  snapshot(): Promise<string>;
  /**
   * Kills it, and starts it again as an operator does after a disaster: from a snapshot, or without one from nothing. Members of
   * a cluster are restored at the same time, from the same snapshot.
   *
   * @param flags - for `etcdctl snapshot restore`
   */
  restartFrom(snapshot: string | undefined, ...flags: string[]): Promise<void>;
  /** Kills it and removes its data. Safe to repeat. */
  stop(): Promise<void>;
}

/** What tells a node from every other, those of other test runs included. */
export interface NodePlan {
  name: string;
  endpoint: string;
  /** Where it listens for the other members. */
  peerUrl: string;
  /** Where the other members reach it: `peerUrl`, unless something stands in between. */
  advertisedPeerUrl: string;
}

/** How long a node may take to answer. It takes 30 to 130 ms; the rest is for a machine under load. */
const startTimeoutMs = 60_000;

/** Chooses a name and ports. */
export async function planNode(): Promise<NodePlan> {
  const peerUrl = `http://127.0.0.1:${await freePort()}`;
  return {
    name: randomUUID(),
    endpoint: `127.0.0.1:${await freePort()}`,
    peerUrl,
    advertisedPeerUrl: peerUrl,
  };
}

/** A node that is alone is its own leader soon. */
const quickElection = ['--heartbeat-interval', '10', '--election-timeout', '100'];
/** Members on a busy machine would hold elections for want of a heartbeat. */
const slowElection = ['--heartbeat-interval', '50', '--election-timeout', '500'];

/** Starts a node of the cluster that `plans` describes. Resolves before it answers: call its `untilReady`. */
export async function startNode(
  binary: EtcdBinary,
  plan: NodePlan,
  plans: readonly NodePlan[],
  options: EtcdOptions,
): Promise<Etcd> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'kvi-etcd-')));
  const snapshots = `${dataDir}-snapshots`;
  const url = `http://${plan.endpoint}`;
  const initialCluster = plans.map((each) => `${each.name}=${each.advertisedPeerUrl}`).join(',');
  const args = [
    ...['--name', plan.name, '--data-dir', dataDir],
    ...[
      '--listen-client-urls',
      [url, ...(options.clientUrls ?? [])].join(','),
      '--advertise-client-urls',
      url,
    ],
    ...['--listen-peer-urls', plan.peerUrl, '--initial-advertise-peer-urls', plan.advertisedPeerUrl],
    ...['--initial-cluster', initialCluster],
    ...(plans.length > 1 ? slowElection : quickElection),
    ...['--logger', 'zap', '--log-level', 'error'],
    ...(binary.canSkipFsync ? ['--unsafe-no-fsync'] : []),
    ...(options.args ?? []),
  ];
  const start = async (): Promise<Child> => {
    const scratch = options.dataDir === undefined ? dataDir : undefined;
    // A socket of `unix://localhost:NAME` is a file of that name, here.
    const started = await startChild(binary.path, args, scratch, scratch);
    started.stdout.resume();
    return started;
  };

  let child = await start();
  const stop = async (): Promise<void> => {
    await child.kill();
    await rm(snapshots, {recursive: true, force: true});
    if (options.dataDir === undefined) await rm(dataDir, {recursive: true, force: true});
  };
  const etcdctl = async (...command: string[]): Promise<void> => {
    const {code, stderr} = await runEtcdctl(url, ...command);
    if (code !== 0) throw new Error(`etcdctl ${command.join(' ')}: ${stderr}`);
  };
  return {
    url,
    endpoint: plan.endpoint,
    version: binary.version,
    dataDir,
    get pid() {
      return child.pid;
    },
    signal: (name) => {
      child.signal(name);
    },
    untilReady: () => untilReady(child, plan),
    restart: async () => {
      await child.kill();
      child = await start();
      await untilReady(child, plan);
    },
    async snapshot() {
      await mkdir(snapshots, {recursive: true});
      const file = join(snapshots, randomUUID());
      await etcdctl('snapshot', 'save', file);
      return file;
    },
    async restartFrom(snapshot, ...flags) {
      await child.kill();
      await rm(dataDir, {recursive: true});
      if (snapshot === undefined) {
        await mkdir(dataDir, {mode: 0o700});
      } else {
        const peer = ['--initial-advertise-peer-urls', plan.advertisedPeerUrl];
        const cluster = ['--initial-cluster', initialCluster];
        const target = ['--name', plan.name, '--data-dir', dataDir, ...peer, ...cluster];
        await etcdctl('snapshot', 'restore', snapshot, ...target, ...flags);
      }
      child = await start();
      await untilReady(child, plan);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function untilReady(child: Child, plan: NodePlan): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  while (!(await answers(plan))) {
    if (child.hasExited()) throw new Error(`etcd ended while it was starting: ${child.complaint()}`);
    if (performance.now() > deadline) {
      throw new Error(`etcd did not answer within ${startTimeoutMs} ms: ${child.complaint()}`);
    }
    await sleep(5);
  }
}

/** Whether the cluster has a leader and this very node answers: another run's may have taken the port first. */
async function answers({name, endpoint}: NodePlan): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(500);
    const health = await fetch(`http://${endpoint}/health?exclude=NOSPACE`, {signal});
    if (!health.ok) return false;
    const request = {method: 'POST', body: '{}', signal};
    const members = await fetch(`http://${endpoint}/v3/cluster/member/list`, request);
    return (await members.text()).includes(name);
  } catch {
    return false;
  }
}
