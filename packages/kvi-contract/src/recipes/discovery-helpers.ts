import assert from 'node:assert/strict';
import type {Kvi} from 'kvi-core';
import {discover, type Discovery, type Instance} from 'kvi-core/recipes';
import {soon} from '../kvi/helpers.ts';

export const one = '10.0.0.1:8080';
export const two = '10.0.0.2:8080';

/** What Go's `endpoints.Manager` stores for an address without metadata. */
export const goValue = (addr: string) => `{"Op":0,"Addr":"${addr}","Metadata":null}`;

/** What `AddEndpoint` of Go's client stores, and what `register` is to store for the same. */
export const goValues: [metadata: unknown, stored: string][] = [
  [undefined, '{"Op":0,"Addr":"10.0.0.1:8080","Metadata":null}'],
  [null, '{"Op":0,"Addr":"10.0.0.1:8080","Metadata":null}'],
  ['zone a', '{"Op":0,"Addr":"10.0.0.1:8080","Metadata":"zone a"}'],
  [{weight: 1.5, tags: ['x']}, '{"Op":0,"Addr":"10.0.0.1:8080","Metadata":{"tags":["x"],"weight":1.5}}'],
  ['<a&b>\u2028é', '{"Op":0,"Addr":"10.0.0.1:8080","Metadata":"\\u003ca\\u0026b\\u003e\\u2028é"}'],
];

/** The next state. */
export async function nextState(
  discovery: Discovery,
  promise: string,
): Promise<ReadonlyMap<string, Instance>> {
  const {value, done} = await soon(discovery.next(), promise);
  if (done === true) assert.fail(`${promise}: the iteration ended`);
  return value;
}

/** Follows the states until the addresses are these. */
export async function untilAddrs(discovery: Discovery, addrs: string[], promise: string) {
  for (;;) {
    const instances = await nextState(discovery, promise);
    if (String([...instances.keys()].sort()) === String(addrs)) return instances;
  }
}

/** The addresses that are listed now. */
export async function addrsOf(kv: Kvi, target: string): Promise<string[]> {
  await using discovery = discover(kv, target);
  const instances = await nextState(discovery, 'the present state comes at once');
  return [...instances.keys()].sort();
}
