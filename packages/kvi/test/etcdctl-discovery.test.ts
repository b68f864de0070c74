import {randomUUID} from 'node:crypto';
import {expect, it} from '@jest/globals';
import {open} from 'kvi';
import {discover, register} from 'kvi/recipes';
import {describeWithEtcd, etcdctl, sharedEtcdUrl} from 'kvi-testbed';

const addr = '10.0.0.1:8080';
/** What Go's `json.Marshal` makes of an `Update` of `client/v3/naming/endpoints`. */
const goValue = '{"Op":0,"Addr":"10.0.0.1:8080","Metadata":null}';

describeWithEtcd('service discovery and etcdctl, in the layout of the Go client', () => {
  it('what is put as the Go client puts it is discovered, and gone when it is deleted', async () => {
    await using kv = await open(sharedEtcdUrl());
    const target = `kvi-discovery/${randomUUID()}`;
    await using discovery = discover(kv, target);
    const listed = async () => Array.from((await discovery.next()).value ?? []);
    expect(await listed()).toEqual([]);
    const key = `${target}/${addr}`;
    expect(await etcdctl(sharedEtcdUrl(), 'put', key, goValue)).toMatchObject({code: 0});
    expect(await listed()).toEqual([[addr, {addr, metadata: null, key}]]);
    expect(await etcdctl(sharedEtcdUrl(), 'del', key)).toMatchObject({code: 0});
    expect(await listed()).toEqual([]);
  });

  it('etcdctl reads of a registration what the Go client would have written', async () => {
    await using kv = await open(sharedEtcdUrl());
    const target = `kvi-discovery/${randomUUID()}`;
    await using _entry = await register(kv, target, {addr});
    const {stdout} = await etcdctl(sharedEtcdUrl(), 'get', '--prefix', `${target}/`);
    expect(stdout).toBe(`${target}/${addr}\n${goValue}\n`);
  });
});
