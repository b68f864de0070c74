import {expect, it} from '@jest/globals';
import {createAuthority, describeWithEtcd, freePort, startEtcd, startEtcdCluster} from 'kvi-testbed';
import {runKvi} from './support/run-kvi.ts';

describeWithEtcd('kvi status and kvi health', () => {
  it('tell of each member, also of one that is down, and of a cluster without a leader', async () => {
    await using cluster = await startEtcdCluster(3);
    const env = {KVI_URL: cluster.url};
    const roles = async () => {
      const {stdout} = await runKvi(['status', '--timeout', '1s', '--json'], {env});
      const members = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as {role: string});
      return members.map(({role}) => role).sort();
    };
    expect(await roles()).toEqual(['follower', 'follower', 'leader']);
    expect(await runKvi(['health'], {env})).toMatchObject({exitCode: 0, stdout: 'healthy\n', stderr: ''});
    const doctor = await runKvi(['doctor'], {env});
    expect(doctor.exitCode).toBe(0);
    expect(doctor.stdout).toMatch(/^ok\tcluster\tmembers: 3, leader: [0-9a-f]+$/m);

    cluster.nodes[0]?.signal('SIGKILL');
    await cluster.nodes[1]?.untilReady();
    expect(await roles()).toEqual(['down', 'follower', 'leader']);
    cluster.nodes[1]?.signal('SIGKILL');
    const sick = await runKvi(['health', '--timeout', '2s'], {env});
    expect(sick.exitCode).not.toBe(0);
  });
});

describeWithEtcd('kvi doctor', () => {
  it('says what is wrong with a certificate, and what to do', async () => {
    await using authority = await createAuthority();
    const server = await authority.issue('server', 'DNS:etcd.example');
    const url = `https://127.0.0.1:${String(await freePort())}`;
    const trusted = authority.root.certFile;
    await using etcd = await startEtcd({
      clientUrls: [url],
      args: ['--cert-file', server.certFile, '--key-file', server.keyFile],
    });
    const findings = async (...args: string[]) => {
      const {stdout, exitCode} = await runKvi(['doctor', '--url', url, '--json', ...args]);
      expect(exitCode).toBe(1);
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    };
    expect(await findings()).toContainEqual({
      result: 'fail',
      check: 'tls',
      detail: expect.stringMatching(/DNS:etcd\.example; valid until .* days\)$/),
      remedy: expect.stringContaining('--cacert'),
    });
    expect(await findings('--cacert', trusted)).toContainEqual({
      result: 'fail',
      check: 'tls',
      detail: expect.stringContaining('127.0.0.1'),
      remedy: expect.stringContaining('host'),
    });
    const plain = await runKvi(['doctor', '--url', etcd.url.replace('https:', 'http:'), '--json']);
    expect(plain.stdout).toContain('"check":"open"');
  });

  it('names a host that does not exist, and a port where nobody listens', async () => {
    const port = String(await freePort());
    const {exitCode, stdout} = await runKvi(['doctor', '--url', `etcd://no.invalid:1,127.0.0.1:${port}`]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^fail\tdns\tno\.invalid:1: .*\t.+$/m);
    expect(stdout).toMatch(/^fail\ttcp\t127\.0\.0\.1:\d+: .*ECONNREFUSED.*\t.*--listen-client-urls/m);
    expect(stdout).toMatch(/^fail\topen\t/m);
  });
});
