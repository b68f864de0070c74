// Cases that an etcd passes too, so that none asks for what no etcd does.
import {afterAll, afterEach, beforeAll, beforeEach, describe} from '@jest/globals';
import {type ServeOptions} from 'kvi-server';
import {startServer} from 'kvi-server/testing';
import {describeWithEtcd, type EtcdOptions, startEtcd} from 'kvi-testbed';
import {type Client, connectClient} from './client.ts';

/** A store without keys, at revision 1. */
export interface Subject {
  readonly client: Client;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
}

interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

/** How to start the two, which are to behave alike. */
export interface SubjectOptions {
  etcd?: EtcdOptions;
  server?: Pick<ServeOptions, 'limits' | 'version'>;
  /** Whether each case has a store to itself, or all share one. Default `case`. */
  storePer?: 'case' | 'suite';
}

type Cases = (subject: Subject) => void;

/** Registers cases twice: for an etcd, and for a server on a store in process. */
export function describeBesideEtcd(name: string, cases: Cases, options: SubjectOptions = {}): void {
  describeWithEtcd(`${name}, by etcd`, () => {
    register(cases, options, () => startEtcd(options.etcd));
  });
  describeServer(name, cases, options);
}

/** Registers cases for a server on a store in process. */
export function describeServer(name: string, cases: Cases, options: SubjectOptions = {}): void {
  describe(`${name}, by kvi-server`, () => {
    register(cases, options, async () => {
      // The etcd of tests has a short election, and with it a short minimum TTL.
      const limits = {minLeaseTtlSeconds: 1, ...options.server?.limits};
      const server = await startServer({storeOptions: {minTtlSeconds: 1}, ...options.server, limits});
      return {url: server.url, stop: () => server.close()};
    });
  });
}

function register(cases: Cases, {storePer = 'case'}: SubjectOptions, start: () => Promise<Running>): void {
  let running: Running;
  let client: Client;
  const before = storePer === 'case' ? beforeEach : beforeAll;
  const after = storePer === 'case' ? afterEach : afterAll;
  before(async () => {
    running = await start();
    client = connectClient(running.url);
  });
  after(async () => {
    await client[Symbol.asyncDispose]();
    await running.stop();
  });
  cases({
    get client() {
      return client;
    },
    get url() {
      return running.url;
    },
  });
}
