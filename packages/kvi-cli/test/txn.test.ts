import {randomUUID} from 'node:crypto';
import {describe, expect, it} from '@jest/globals';
import {describeWithEtcd, sharedEtcdUrl} from 'kvi-testbed';
import {runKvi} from './support/run-kvi.ts';

describe('on mem:', () => {
  txnTests(() => `mem:${randomUUID()}`);
});

describeWithEtcd('on etcd', () => {
  txnTests(sharedEtcdUrl);
});

function txnTests(urlOf: () => string) {
  function open() {
    const env = {KVI_URL: urlOf()};
    const prefix = `kvi-cli/${randomUUID()}/`;
    const txn = (input: string, ...args: string[]) =>
      runKvi(['txn', '-', ...args], {env, input: input.replaceAll('~', prefix)});
    return {prefix, txn, kvi: (...args: string[]) => runKvi(args, {env})};
  }

  it('runs what comes after then, or after else, and prints what it got', async () => {
    const {txn, kvi, prefix} = open();
    const claim = `
      if
        version ~owner = 0   # nobody
      then
        store ~owner 'Ada L.'
      else
        get ~owner
        get --prefix ~o`;
    expect(await txn(claim)).toMatchObject({exitCode: 0, stdout: 'true\n', stderr: ''});
    const found = `${prefix}owner\tAda L.\n`;
    expect(await txn(claim)).toMatchObject({exitCode: 1, stdout: `false\n${found}${found}`});
    expect(await txn(claim, '--json')).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(
        /^\{"succeeded":false,"revision":\d+,"responses":\[\{"type":"range","kvs":\[\{/,
      ),
    });
    const {modRevision, lease} = JSON.parse((await kvi('get', `${prefix}owner`, '--json')).stdout) as {
      modRevision: number;
      lease: string;
    };
    const all = `
      if
        value ~owner = "Ada L."
        mod ~owner = ${modRevision}
        create ~owner > 0
        lease ~owner = ${lease}
      then
        delete --prefix ~o
        store ~done yes`;
    expect(await txn(all)).toMatchObject({exitCode: 0, stdout: 'true\n'});
    expect(await kvi('range', '--prefix', prefix)).toMatchObject({stdout: `${prefix}done\tyes\n`});
  });

  it('takes JSON, with bytes as base64', async () => {
    const {txn, kvi, prefix} = open();
    const request = {
      compare: [{key: `${prefix}a`, target: 'version', result: '=', version: 0}],
      success: [{type: 'put', key: `${prefix}a`, value: {base64: '/w=='}}],
    };
    expect(await txn(JSON.stringify(request), '--from-json')).toMatchObject({exitCode: 0, stdout: 'true\n'});
    expect(JSON.parse((await kvi('get', `${prefix}a`, '--json')).stdout)).toMatchObject({
      value: {base64: '/w=='},
    });
  });

  it.each([
    ['store a 1', 'line 1: expected if, then or else'],
    ['if\nvalue a ~~ 1', 'line 2: a condition is'],
    ['if\nsize a = 1', 'line 2: unknown condition size'],
    ['if\nversion a = -1', 'line 2: -1 is not a whole number'],
    ['then\nput a 1', 'line 2: unknown operation put'],
    ['then\ndelete --prefix ""', 'line 2: expected delete KEY'],
    ['then\nstore a "1', 'line 2: unterminated'],
  ])('refuses %j and names the line', async (input, complaint) => {
    const {txn} = open();
    expect(await txn(input)).toMatchObject({exitCode: 2, stderr: expect.stringContaining(complaint)});
    expect(await txn('nothing', '--from-json')).toMatchObject({exitCode: 2});
    expect(await txn('{"success":[{"type":"grab"}]}', '--from-json')).toMatchObject({exitCode: 2});
  });
}
