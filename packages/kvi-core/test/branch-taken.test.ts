import {describe, expect, it} from '@jest/globals';
import {modelDriver} from 'kvi-contract';
import {rebuildResponse, withBranchTaken, withoutBranchTaken} from '../src/primitives/branch-taken.ts';
import {writes} from '../src/etcd/txn-shape.ts';
import type {Bytes} from '../src/etcd/bytes.ts';
import type {RequestOp, TxnRequest} from '../src/etcd/messages.ts';

function put(key: string): RequestOp<Bytes> {
  return {type: 'put', key: Buffer.from(key), value: Buffer.from('v')};
}

function nested(request: TxnRequest<Bytes>): RequestOp<Bytes> {
  return {type: 'txn', ...request};
}

const read: RequestOp<Bytes> = {type: 'range', key: Buffer.from('a')};
const erase: RequestOp<Bytes> = {type: 'deleteRange', key: Buffer.from('a')};
/** False in an empty store. */
const isThere = [{key: Buffer.from('a'), target: 'version', result: '>', version: 0}] as const;

/** The requests below, with the branch that each takes in an empty store. */
const requests: [string, TxnRequest<Bytes>, string][] = [
  ['of nothing', {}, '1'],
  ['of puts', {success: [put('a'), put('b')]}, '1'],
  ['with a failure branch only', {compare: isThere, failure: [put('a')]}, '0'],
  ['with one nested', {success: [put('a'), nested({compare: isThere, failure: [put('b')]})]}, '10'],
  ['nested twice', {success: [nested({success: [nested({compare: isThere}), put('b')]}), put('a')]}, '110'],
];

/** Sends the request with its branch, as a resolved write does, to an empty store. */
async function send(request: TxnRequest<Bytes>) {
  const driver = modelDriver();
  const outcomeKey = Buffer.from('outcome');
  const response = await driver.txn(
    withBranchTaken(request, (branch) => ({type: 'put', key: outcomeKey, value: Buffer.from(branch)})),
  );
  const {kvs} = await driver.range({key: outcomeKey});
  return {response: withoutBranchTaken(request, response), branch: String(kvs[0]?.value)};
}

describe('The branch of a transaction', () => {
  it.each(requests)('%s is written, and its response rebuilt from it', async (_, request, branch) => {
    const sent = await send(request);
    expect(sent.branch).toBe(branch);
    expect(rebuildResponse(request, branch, sent.response.revision)).toEqual(sent.response);
  });

  it.each(requests)('%s is not in the response', async (_, request) => {
    // The revision is that of the branch where nothing else was put.
    const {revision: ignored, ...plain} = await modelDriver().txn(request);
    const {response} = await send(request);
    expect(response).toMatchObject({succeeded: plain.succeeded});
    expect(response.responses.map(({type}) => type)).toEqual(plain.responses.map(({type}) => type));
    expect(ignored).toBeLessThanOrEqual(response.revision);
  });

  it('is not written by a failure branch that writes nothing', async () => {
    const {response, branch} = await send({compare: isThere, success: [put('a')], failure: [read]});
    expect(response).toMatchObject({succeeded: false, responses: [{type: 'range'}]});
    expect(branch).toBe('undefined');
  });

  it('is not told of transactions that are nested side by side', async () => {
    const request = {
      success: [nested({success: [put('a')]}), nested({compare: isThere, failure: [put('b')]})],
    };
    const {response, branch} = await send(request);
    expect(branch).toBe('1');
    expect(response.responses).toMatchObject([
      {type: 'txn', succeeded: true, responses: [{type: 'put'}]},
      {type: 'txn', succeeded: false, responses: [{type: 'put'}]},
    ]);
    expect(rebuildResponse(request, branch, 2)).toBeUndefined();
  });

  it.each<[string, RequestOp<Bytes>]>([
    ['read', read],
    ['deleted', erase],
    ['replaced', {type: 'put', key: Buffer.from('a'), value: Buffer.from('v'), prevKv: true}],
  ])('does not tell what was %s, in a nested transaction either', (_, op) => {
    expect(rebuildResponse({success: [put('b'), op]}, '1', 2)).toBeUndefined();
    expect(rebuildResponse({success: [put('b'), nested({success: [op]})]}, '11', 2)).toBeUndefined();
    expect(rebuildResponse({success: [op], failure: [put('b')]}, '0', 2)).toBeDefined();
  });
});

describe('A transaction writes', () => {
  it.each<[boolean, string, TxnRequest<Bytes>]>([
    [false, 'with nothing', {}],
    [false, 'with a range', {success: [read], failure: [read]}],
    [true, 'with a put in a branch only', {failure: [put('a')]}],
    [true, 'with a deletion beside a range', {success: [read, erase]}],
    [true, 'with a nested put', {success: [nested({failure: [put('a')]})]}],
    [false, 'with a nested range', {success: [nested({success: [read]})]}],
    [false, 'with nothing nested', {failure: [nested({})]}],
  ])('(%s) %s', (expected, _, request) => {
    expect(writes(request)).toBe(expected);
  });
});
