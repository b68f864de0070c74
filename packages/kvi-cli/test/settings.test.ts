import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {PassThrough, Readable} from 'node:stream';
import {afterAll, beforeAll, describe, expect, it} from '@jest/globals';
import {type GlobalOptions, readSettings} from '../src/settings.ts';
import {runKvi} from './support/run-kvi.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'kvi-home-'));
  await mkdir(join(home, 'kvi'));
  const profiles = {
    prod: {url: 'mem:prod', readOnly: true, passwordFile: 'secret', username: 'ops', timeout: '7s'},
    odd: {url: 'mem:', colour: 'red'},
  };
  await writeFile(join(home, 'kvi/profiles.json'), JSON.stringify(profiles));
  await writeFile(join(home, 'kvi/secret'), 'of the profile\nmore\n');
});
afterAll(() => rm(home, {recursive: true}));

function settings(options: GlobalOptions, env: Record<string, string> = {}, typed?: string) {
  const stderr = new PassThrough();
  const io = {
    stdin: () => Readable.from([Buffer.from(`${typed ?? ''}\n`)]),
    stdout: new PassThrough(),
    stderr,
    env: {XDG_CONFIG_HOME: home, ...env},
    isInteractive: typed !== undefined,
    onInterrupt: () => () => undefined,
  };
  return readSettings(options, io).then((result) => ({
    ...result,
    shown: String((stderr.read() as Buffer | null) ?? ''),
  }));
}

describe('settings', () => {
  it('an option wins over KVI_*, KVI_* over the profile of KVI_PROFILE, and that over ETCDCTL_*', async () => {
    const env = {
      KVI_URL: 'mem:env',
      KVI_CERT: 'env.pem',
      ETCDCTL_CERT: 'etcdctl.pem',
      ETCDCTL_KEY: 'etcdctl.key',
    };
    expect(await settings({}, env)).toMatchObject({
      url: 'mem:env',
      cert: 'env.pem',
      key: 'etcdctl.key',
      timeoutMs: 5_000,
    });
    const ofProfile = {username: 'ops', password: 'of the profile', readOnlyProfile: 'prod'};
    expect(await settings({}, {...env, KVI_PROFILE: 'prod', KVI_TIMEOUT: '3s'})).toMatchObject({
      ...ofProfile,
      url: 'mem:env',
      timeoutMs: 3_000,
    });
    expect(await settings({}, {KVI_PROFILE: 'prod', ETCDCTL_ENDPOINTS: 'a:1'})).toMatchObject({
      ...ofProfile,
      url: 'mem:prod',
      timeoutMs: 7_000,
    });
    const all = await settings(
      {url: 'mem:option', timeout: 1, cert: 'option.pem'},
      {...env, KVI_PROFILE: 'prod'},
    );
    expect(all).toMatchObject({url: 'mem:option', timeoutMs: 1, cert: 'option.pem'});
  });

  it('--profile is an option: it wins over the variables', async () => {
    const env = {KVI_URL: 'mem:env', KVI_USERNAME: 'eve', KVI_PASSWORD: 'hers', KVI_CERT: 'env.pem'};
    expect(await settings({profile: 'prod'}, env)).toMatchObject({
      url: 'mem:prod',
      cert: 'env.pem',
      timeoutMs: 7_000,
      username: 'ops',
      password: 'of the profile',
    });
    expect(await settings({profile: 'prod', url: 'mem:option'}, env)).toMatchObject({url: 'mem:option'});
  });

  it('an empty variable counts as unset, and a variable switches on with 1 or true', async () => {
    const env = {KVI_URL: '', ETCDCTL_ENDPOINTS: 'a:1', KVI_TIMEOUT: '3s', KVI_VERBOSE: 'true'};
    expect(await settings({}, env)).toMatchObject({url: 'etcd://a:1', timeoutMs: 3_000, verbose: true});
    expect(await settings({}, {KVI_VERBOSE: '0'})).toMatchObject({url: undefined, verbose: false});
  });

  it.each([
    [{ETCDCTL_ENDPOINTS: '10.0.0.1:2379, 10.0.0.2:2379'}, 'etcd://10.0.0.1:2379,10.0.0.2:2379'],
    [{ETCDCTL_ENDPOINTS: 'http://a:1/,http://b:2'}, 'etcd://a:1,b:2'],
    [{ETCDCTL_ENDPOINTS: 'https://a:1,https://b:2'}, 'etcds://a:1,b:2'],
    [{ETCDCTL_ENDPOINTS: 'a:1', ETCDCTL_CACERT: 'ca.pem'}, 'etcds://a:1'],
  ])('%j is understood as etcdctl does', async (env, url) => {
    expect((await settings({}, env)).url).toBe(url);
  });

  it.each([
    [{ETCDCTL_USER: 'ada:secret:1'}, 'ada', 'secret:1'],
    [{ETCDCTL_USER: 'ada', ETCDCTL_PASSWORD: 'secret'}, 'ada', 'secret'],
    [{KVI_USERNAME: 'eve', KVI_PASSWORD: 'x', ETCDCTL_USER: 'ada:y'}, 'eve', 'x'],
    // Nobody is sent another's password.
    [{KVI_USERNAME: 'eve', ETCDCTL_USER: 'ada:y'}, 'eve', undefined],
    [{KVI_USERNAME: 'eve', ETCDCTL_USER: 'ada', ETCDCTL_PASSWORD: 'y'}, 'eve', undefined],
    // The user of a URL is the URL's.
    [{KVI_URL: 'http://eve:x@a', ETCDCTL_USER: 'ada:y'}, undefined, undefined],
    [{KVI_URL: 'http://eve:x@a', KVI_USERNAME: 'ada', KVI_PASSWORD: 'y'}, 'ada', 'y'],
  ])('user and password of %j are %s and %s', async (env, username, password) => {
    expect(await settings({}, env)).toMatchObject({username, password});
  });

  it('a password is asked for on a terminal only, and not shown', async () => {
    const asked = await settings({username: 'ada'}, {}, 'secret');
    expect(asked).toMatchObject({password: 'secret', shown: 'Password of ada: \n'});
    expect(await settings({username: 'ada'})).toMatchObject({password: undefined, shown: ''});
  });

  it('Ctrl-C at the question for a password ends the command', async () => {
    await expect(settings({username: 'ada'}, {}, 'sec\x03')).rejects.toThrow('interrupted by SIGINT');
    await expect(settings({username: 'ada'}, {}, '\x04')).rejects.toThrow('no password was entered');
  });
});

describe('a profile', () => {
  it.each([
    ['none', 'expected one of prod, odd'],
    ['odd', 'unknown field colour'],
  ])('%s is refused, and why', async (name, why) => {
    expect(await runKvi(['--profile', name, 'get', 'a'], {env: {XDG_CONFIG_HOME: home}})).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(why),
    });
  });

  it('that is read-only refuses what writes, and reads', async () => {
    const env = {XDG_CONFIG_HOME: home, KVI_PROFILE: 'prod'};
    await runKvi(['store', 'a', '1'], {env: {KVI_URL: 'mem:prod'}});
    expect(await runKvi(['get', 'a'], {env})).toMatchObject({exitCode: 0, stdout: '1\n'});
    for (const args of [
      ['store', 'a', '2'],
      ['store', 'a', '2', '--ttl', '9'],
      ['delete', 'a'],
      ['compact', '2'],
      ['lock', 'l', '--', 'true'],
      ['import', '-'],
    ]) {
      const input =
        '{"type":"kvi-export","version":1,"revision":1,"keys":{"prefix":"a"}}\n{"key":"a","value":"9"}\n{"type":"end","keys":1,"skipped":0}\n';
      expect(await runKvi(args, {env, input})).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('read-only'),
      });
    }
    expect(await runKvi(['get', 'a'], {env})).toMatchObject({stdout: '1\n'});
    expect(await runKvi(['copy', '--prefix', 'a', '--to', 'mem:elsewhere'], {env})).toMatchObject({
      exitCode: 0,
    });
  });
});

describe('--verbose', () => {
  it('notes each call with its time on the standard error, and leaves the output alone', async () => {
    const {stdout, stderr} = await runKvi(['--url', 'mem:', 'get', 'a', '--verbose', '--default', 'x']);
    expect(stdout).toBe('x\n');
    expect(stderr).toMatch(/^kvi: open: [\d.]+ ms\nkvi: range a: [\d.]+ ms\nkvi: close: [\d.]+ ms\n$/);
    const json = await runKvi(['get', 'hex:ff', '--revision', '99'], {
      env: {KVI_URL: 'mem:', KVI_VERBOSE: '1', KVI_JSON: '1'},
    });
    const notes = json.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(notes).toMatchObject([
      {call: 'open', ms: expect.any(Number)},
      {call: 'range', subject: 'hex:ff', code: 'KVI_FUTURE_REVISION'},
      {call: 'close'},
      {error: {code: 'KVI_FUTURE_REVISION'}},
    ]);
  });
});
