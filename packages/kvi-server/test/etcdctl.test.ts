// What etcdctl prints of a server of kvi is what it prints of an etcd: field by field, but for ids and addresses.
import {afterAll, beforeAll, describe, expect, it} from '@jest/globals';
import {startServer, type TestServer} from 'kvi-server/testing';
import {type Etcd, etcdctl, etcdctlWithInput, spawnEtcdctl, startEtcd} from 'kvi-testbed';

let etcd: Etcd;
let server: TestServer;
beforeAll(async () => {
  // The etcd of tests has a short election, and with it a short minimum TTL.
  const storeOptions = {minTtlSeconds: 1};
  [etcd, server] = await Promise.all([
    startEtcd(),
    startServer({storeOptions, limits: {minLeaseTtlSeconds: 1}}),
  ]);
});
afterAll(async () => {
  await Promise.all([etcd.stop(), server.close()]);
});

/** What differs from cluster to cluster. */
const ids =
  /"(cluster_id|member_id|raft_term|raftTerm|leader|ID|id|lease|raftIndex|raftAppliedIndex)":-?\d+/g;

function masked(output: string): string {
  return output.replace(ids, '"$1":0').replace(/\b[0-9a-f]{15,16}\b/g, 'ID');
}

/** Runs a command on both, and compares all that it leaves. */
async function same(...args: string[]): Promise<string> {
  const [expected, actual] = await Promise.all([etcdctl(etcd.url, ...args), etcdctl(server.url, ...args)]);
  const [of, by] = [expected, actual].map(({stdout, stderr, code}) => ({
    code,
    stdout: masked(stdout),
    stderr: masked(stderr).replace(/"(caller|ts|target|endpoint|peer)":"[^"]*"/g, ''),
  }));
  expect({args, ...by}).toEqual({args, ...of});
  return actual.stdout;
}

/** The same in etcdctl's three shapes. */
async function sameInEachShape(...args: string[]): Promise<void> {
  for (const shape of ['json', 'fields', 'simple']) {
    const [expected, actual] = await Promise.all(
      [etcd.url, server.url].map((url) => etcdctl(url, ...args, '-w', shape)),
    );
    const hideIds = (text = ''): string =>
      masked(text).replace(/"(ClusterID|MemberID|RaftTerm|Lease)" : \d+/g, '"$1" : 0');
    expect({args, shape, ...actual, stdout: hideIds(actual?.stdout)}).toEqual({
      args,
      shape,
      ...expected,
      stdout: hideIds(expected?.stdout),
    });
  }
}

describe('etcdctl', () => {
  it('puts and gets', async () => {
    for (const key of ['a', 'b', 'c', 'd']) await same('put', key, `value of ${key}`);
    await same('put', 'a', 'again', '--prev-kv', '-w', 'json');
    await same('put', 'empty', '');
    await same('put', 'a', '--ignore-lease', 'third');
    await same('put', 'b', '--ignore-value');
    await same('put', 'missing', '--ignore-value');
    await same('put', '', 'value');
    await same('put', 'a', 'v', '--lease=1234');
    await sameInEachShape('get', 'a');
    await sameInEachShape('get', '--prefix', '');
    await sameInEachShape('get', 'a', 'c');
    await sameInEachShape('get', '--from-key', 'b');
    await same('get', 'a', '--rev=2', '-w', 'json');
    await same('get', 'a', '--rev=99');
    await same('get', '--prefix', '', '--limit=2', '-w', 'json');
    await same('get', '--prefix', '', '--keys-only', '-w', 'json');
    await same('get', '--prefix', '', '--count-only', '-w', 'json');
    await same('get', 'a', '--print-value-only');
    await same('get', 'absent', '-w', 'json');
    await same('get', '--consistency=s', 'a', '-w', 'json');
    for (const order of ['ASCEND', 'DESCEND']) {
      for (const target of ['CREATE', 'KEY', 'MODIFY', 'VALUE', 'VERSION']) {
        await same('get', '--prefix', '', `--order=${order}`, `--sort-by=${target}`, '-w', 'json');
      }
    }
  });

  it('deletes', async () => {
    await same('put', 'x1', '1');
    await same('put', 'x2', '2');
    await sameInEachShape('del', 'absent');
    await same('del', 'x1', '--prev-kv', '-w', 'json');
    await same('put', 'x1', '1');
    await same('del', '--prefix', 'x', '-w', 'json');
    await same('del', '');
  });

  it('compacts', async () => {
    await same('put', 'k', '1');
    const {stdout} = await etcdctl(server.url, 'put', 'k', '2', '-w', 'json');
    await etcdctl(etcd.url, 'put', 'k', '2');
    const {revision} = (JSON.parse(stdout) as {header: {revision: number}}).header;
    await same('compaction', String(revision));
    await same('compaction', String(revision));
    await same('compaction', String(revision + 100));
    await same('compaction', '--physical', String(revision + 0));
    await same('get', 'k', `--rev=${revision - 1}`);
    await same('get', 'k', `--rev=${revision}`, '-w', 'json');
  });

  it('grants, lists and revokes leases', async () => {
    const grant = async (url: string): Promise<string> => {
      const {stdout} = await etcdctl(url, 'lease', 'grant', '100');
      return /lease (\w+) granted/.exec(stdout)?.[1] ?? stdout;
    };
    await same('lease', 'grant', '60');
    await same('lease', 'grant', '0');
    await same('lease', 'grant', '10000000000');
    await same('lease', 'revoke', '1234');
    await same('lease', 'timetolive', '1234');
    await same('lease', 'timetolive', '1234', '-w', 'json');
    await same('lease', 'keep-alive', '--once', '1234');
    const leases = new Map<string, string>();
    for (const url of [etcd.url, server.url]) leases.set(url, await grant(url));
    const each = async (...args: string[]): Promise<void> => {
      const [of, by] = await Promise.all(
        [etcd.url, server.url].map((url) =>
          etcdctl(url, ...args.map((arg) => arg.replace('LEASE', leases.get(url) ?? ''))),
        ),
      );
      const seconds = (text = ''): string => masked(text).replace(/remaining\(\d+s\)|"ttl":\d+/, 'TTL');
      expect({args, out: seconds(by?.stdout), code: by?.code}).toEqual({
        args,
        out: seconds(of?.stdout),
        code: of?.code,
      });
    };
    await each('put', 'leased', 'v', '--lease=LEASE');
    await each('get', 'leased', '-w', 'json');
    await each('lease', 'timetolive', '--keys', 'LEASE');
    await each('lease', 'timetolive', '--keys', 'LEASE', '-w', 'json');
    await each('lease', 'keep-alive', '--once', 'LEASE');
    await each('lease', 'revoke', 'LEASE');
    await each('get', 'leased', '-w', 'json');
  });

  it('tells who serves', async () => {
    await same('endpoint', 'health', '-w', 'json').catch(() => undefined);
    const health = await etcdctl(server.url, 'endpoint', 'health');
    expect(health).toMatchObject({code: 0});
    const status = await etcdctl(server.url, 'endpoint', 'status', '-w', 'json');
    expect(JSON.parse(status.stdout)).toMatchObject([
      {Endpoint: server.url, Status: {version: '3.6.5', leader: 1, dbSize: 20480}},
    ]);
    const members = await etcdctl(server.url, 'member', 'list', '-w', 'json');
    expect(JSON.parse(members.stdout)).toMatchObject({members: [{ID: 1, clientURLs: [server.url]}]});
    const [hash, hashOfEtcd] = await Promise.all(
      [server.url, etcd.url].map(async (url) => {
        const {stdout} = await etcdctl(url, 'endpoint', 'hashkv', '-w', 'json');
        return JSON.parse(stdout) as {HashKV: {compact_revision: number}}[];
      }),
    );
    expect(hash?.[0]?.HashKV.compact_revision).toBe(hashOfEtcd?.[0]?.HashKV.compact_revision);
    await same('alarm', 'list');
    await same('alarm', 'disarm');
    await same('defrag').catch(() => undefined);
    const snapshot = await etcdctl(server.url, 'snapshot', 'save', '/nonexistent/snapshot');
    expect(snapshot.code).not.toBe(0);
    const user = await etcdctl(server.url, 'user', 'add', 'root:root');
    expect(user.stderr).toContain('kvi-server: etcdserverpb.Auth/UserAdd is not implemented');
  });

  it('watches, and is told what was compacted away', async () => {
    const {stdout} = await etcdctl(server.url, 'put', 'w', '1', '-w', 'json');
    await etcdctl(etcd.url, 'put', 'w', '1');
    const {revision} = (JSON.parse(stdout) as {header: {revision: number}}).header;
    await same('put', 'w', '2');
    await same('put', 'wx', '3');
    await same('del', 'w');
    const printed: string[][] = [];
    for (const {url} of [etcd, server]) {
      await using watch = await spawnEtcdctl(url, 'watch', '--prefix', 'w', `--rev=${revision}`, '--prev-kv');
      const lines: string[] = [];
      while (lines.length < 16) lines.push(await watch.nextLine());
      printed.push(lines);
    }
    expect(printed[1]).toEqual(printed[0]);
    await same('compaction', String(revision + 2));
    await same('watch', 'w', `--rev=${revision}`);
  });

  it('runs transactions', async () => {
    for (const text of [
      'value("t") = "1"\n\nput t 2\n\nput t 1\nget t\n\n',
      'value("t") = "1"\nmod("t") > "0"\n\nput t 2\nget t\ndel other\n\nput t 1\n\n',
      'create("t") = "0"\n\nput t 9\n\nget t\n\n',
      'version("t") > "1"\n\nget t\n\nput t 1\n\n',
      '\nput t 1\nput t 2\n\n\n',
    ]) {
      expect(await runTxn(server.url, text)).toEqual(await runTxn(etcd.url, text));
    }
  });

  it('mirrors keys from one to the other', async () => {
    await same('put', 'mirrored/1', 'before');
    for (const [from, to] of [
      [server, etcd],
      [etcd, server],
    ] as const) {
      const prefixes = ['--prefix', 'mirrored/', '--dest-prefix', 'copy/'];
      await using mirror = await spawnEtcdctl(
        from.url,
        'make-mirror',
        ...prefixes,
        '--insecure-transport',
        to.url,
      );
      const copied = async (key: string, value: string): Promise<void> => {
        while ((await etcdctl(to.url, 'get', key, '--print-value-only')).stdout !== value);
      };
      await copied('copy/1', 'before\n');
      await etcdctl(from.url, 'put', 'mirrored/2', 'since then');
      await copied('copy/2', 'since then\n');
      await mirror.stop();
    }
  });

  it('locks, and leads, by turns', async () => {
    await using first = await spawnEtcdctl(server.url, 'lock', 'name');
    expect(await first.nextLine()).toMatch(/^name\/[0-9a-f]+$/);
    await using second = await spawnEtcdctl(server.url, 'lock', 'name');
    first.signal('SIGINT');
    expect(await second.nextLine()).toMatch(/^name\/[0-9a-f]+$/);
    expect(await first.exited).toBe(0);

    await using leader = await spawnEtcdctl(server.url, 'elect', 'election', 'me');
    expect(await leader.nextLine()).toMatch(/^election\/[0-9a-f]+$/);
    await using observer = await spawnEtcdctl(server.url, 'elect', '-l', 'election');
    await observer.nextLine();
    expect(await observer.nextLine()).toBe('me');
  });
});

/** Runs what etcdctl reads from its standard input. */
async function runTxn(url: string, text: string): Promise<string> {
  const {stdout, stderr} = await etcdctlWithInput(url, text, 'txn', '-w', 'json');
  return masked(`${stdout}${stderr}`).replace(/^\{"level".*\n/gm, '');
}
