import {setTimeout as sleep} from 'node:timers/promises';
import {startChild} from './child.ts';
import {freePort, retryTakenPorts} from './ports.ts';
import {provisionEtcd, type Release} from './provision.ts';

/** A running `etcd grpc-proxy`. */
export interface GrpcProxy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
}

/** Starts etcd's own proxy, which shares watches and lease streams among its clients, in front of an etcd. */
export async function startGrpcProxy(target: string, release?: Release): Promise<GrpcProxy> {
  const {path} = await provisionEtcd(release);
  return retryTakenPorts(async () => {
    const endpoint = `127.0.0.1:${await freePort()}`;
    const addresses = ['--endpoints', target, '--listen-addr', endpoint, '--advertise-client-url', endpoint];
    const child = await startChild(path, ['grpc-proxy', 'start', ...addresses]);
    child.stdout.resume();
    while (!(await answers(endpoint))) {
      if (child.hasExited()) throw new Error(`etcd grpc-proxy ended: ${child.complaint()}`);
      await sleep(5);
    }
    return {url: `http://${endpoint}`, [Symbol.asyncDispose]: () => child.kill()};
  });
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(`http://${endpoint}/health`, {signal: AbortSignal.timeout(500)})).ok;
  } catch {
    return false;
  }
}
