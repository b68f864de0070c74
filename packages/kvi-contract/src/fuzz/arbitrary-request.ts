import * as fc from 'fast-check';
import {
  everyKey,
  type Bytes,
  checkTxn,
  checkWatch,
  type Compare,
  defaultLimits,
  isKviError,
  type KeyRange,
  noLease,
  type PutRequest,
  type RangeRequest,
  type RequestOp,
  type TxnRequest,
  type WatchRequest,
} from 'kvi-core/driver';
import {key, largeBytes, range, value} from './arbitrary-bytes.ts';
import {names} from './names.ts';
import type {LeaseName} from './program.ts';
import {absentRevision, resolveTxn} from './resolve.ts';

/** A compacted, past, present or future revision: most programs create about twenty. */
export const revision: fc.Arbitrary<number> = fc.oneof(
  {weight: 6, arbitrary: fc.integer({min: 0, max: 6})},
  {weight: 3, arbitrary: fc.integer({min: 0, max: 24})},
  {weight: 1, arbitrary: fc.integer({min: -1, max: 40})},
);

/** A lease, occasionally one that does not exist. */
export const lease: fc.Arbitrary<LeaseName> = fc.oneof(
  {weight: 8, arbitrary: fc.constantFrom<LeaseName>('chosen0', 'fresh0')},
  {weight: 4, arbitrary: fc.constantFrom<LeaseName>('chosen1', 'fresh1')},
  {weight: 1, arbitrary: fc.constant<LeaseName>('unknown')},
);

/** Occasionally present: a field that most requests omit. */
function seldom<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({weight: 5, arbitrary: fc.constant(undefined)}, {weight: 1, arbitrary});
}

const flag = fc.constantFrom(undefined, false, true);

/** Usually one key, so that a deletion leaves something to read. */
const fewKeys: fc.Arbitrary<KeyRange<Bytes>> = fc.oneof(
  {weight: 2, arbitrary: key.map((only) => ({key: only}))},
  {weight: 1, arbitrary: range},
);

/** All keys, as often as any other range. */
const manyKeys: fc.Arbitrary<KeyRange<Bytes>> = fc.oneof(range, fc.constant(everyKey));

/** A read. */
export const rangeRequest: fc.Arbitrary<RangeRequest<Bytes>> = fc
  .tuple(
    manyKeys,
    fc.record({
      limit: seldom(fc.integer({min: 0, max: 4})),
      revision: seldom(revision),
      sortOrder: seldom(fc.constantFrom('ascend', 'descend')),
      sortTarget: seldom(fc.constantFrom('key', 'version', 'create', 'mod', 'value')),
      serializable: seldom(fc.constant(true)),
      keysOnly: seldom(fc.constant(true)),
      countOnly: seldom(fc.constant(true)),
      minModRevision: seldom(revision),
      maxModRevision: seldom(revision),
      minCreateRevision: seldom(revision),
      maxCreateRevision: seldom(revision),
    }),
  )
  .map(([keys, fields]) => ({...keys, ...fields}));

/** A write of one key. */
const putRequest: fc.Arbitrary<PutRequest<Bytes>> = fc
  .tuple(
    fc.record({key, prevKv: flag}),
    fc.oneof(
      {weight: 20, arbitrary: fc.record({value})},
      {weight: 2, arbitrary: fc.constant({ignoreValue: true})},
    ),
    fc.oneof(
      {weight: 10, arbitrary: fc.constant({})},
      {weight: 4, arbitrary: fc.record({lease})},
      {weight: 1, arbitrary: fc.constant({lease: noLease})},
      {weight: 1, arbitrary: fc.constant({ignoreLease: true})},
    ),
  )
  .map((parts) => Object.assign({}, ...parts) as PutRequest<Bytes>);

const put: fc.Arbitrary<RequestOp<Bytes>> = putRequest.map((request) => ({type: 'put', ...request}));

const deleteRange: fc.Arbitrary<RequestOp<Bytes>> = fc
  .tuple(fewKeys, fc.record({prevKv: flag}))
  .map(([keys, fields]) => ({type: 'deleteRange', ...keys, ...fields}));

const read: fc.Arbitrary<RequestOp<Bytes>> = rangeRequest.map((request) => ({type: 'range', ...request}));

const result = fc.constantFrom('=', '!=', '<', '>');
const historyRevision = fc.oneof(
  {weight: 1, arbitrary: fc.constant(absentRevision)},
  {weight: 4, arbitrary: revision},
);

/**
 * The target of a compare. Ids chosen by a backend have a different order in each store, so only the lowest and the
 * highest id can be compared by order.
 */
const condition: fc.Arbitrary<unknown> = fc.oneof(
  fc.record({target: fc.constant('value'), result, value}),
  fc.record({target: fc.constant('version'), result, version: fc.integer({min: 0, max: 4})}),
  fc.record({target: fc.constant('create'), result, createRevision: historyRevision}),
  fc.record({target: fc.constant('mod'), result, modRevision: historyRevision}),
  fc.record({target: fc.constant('lease'), result, lease: fc.constantFrom(noLease, 'chosen1')}),
  fc.record({target: fc.constant('lease'), result: fc.constantFrom('=', '!='), lease}),
);

const compare = fc
  .tuple(fewKeys, condition)
  .map(([keys, fields]) => Object.assign({}, keys, fields) as Compare<Bytes>);

const {txn} = fc.letrec<{txn: TxnRequest<Bytes>; op: RequestOp<Bytes>}>((tie) => ({
  txn: fc.record({
    compare: fc.array(compare, {maxLength: 3}),
    success: fc.array(tie('op'), {maxLength: 5, depthIdentifier: 'txn'}),
    failure: fc.array(tie('op'), {maxLength: 5, depthIdentifier: 'txn'}),
  }),
  op: fc.oneof(
    {depthIdentifier: 'txn', maxDepth: 4, depthSize: 'small'},
    {weight: 5, arbitrary: put},
    {weight: 3, arbitrary: deleteRange},
    {weight: 4, arbitrary: read},
    {weight: 3, arbitrary: tie('txn').map((request): RequestOp<Bytes> => ({type: 'txn', ...request}))},
  ),
}));

const single = (op: fc.Arbitrary<RequestOp<Bytes>>) =>
  op.map((only): TxnRequest<Bytes> => ({success: [only]}));

/** Nested as deeply as allowed, and a little deeper. */
const deep: fc.Arbitrary<TxnRequest<Bytes>> = fc
  .tuple(fc.integer({min: 5, max: 32}), put)
  .map(([depth, innermost]) => {
    let request: TxnRequest<Bytes> = {success: [innermost]};
    for (let level = 1; level < depth; level += 1) request = {success: [{type: 'txn', ...request}]};
    return request;
  });

/** About the maximum number of operations, and a few more. */
const wide: fc.Arbitrary<TxnRequest<Bytes>> = fc
  .tuple(fc.integer({min: 13, max: 130}), fc.integer({min: 0, max: 0xff}))
  .map(([count, first]) => ({
    success: Array.from({length: count}, (_, i) => ({
      type: 'put',
      key: Uint8Array.of(0x61, (first + i) % 0x100),
      value: Uint8Array.of(i % 3),
    })),
  }));

/** A large value, or a large key. */
const large: fc.Arbitrary<TxnRequest<Bytes>> = fc
  .oneof(fc.record({key, value: largeBytes}), fc.record({key: largeBytes, value}))
  .map((fields) => ({success: [{type: 'put', ...fields}]}));

/** A transaction. Most are a put or a deletion, so that there is something to compare. */
export const txnRequest: fc.Arbitrary<TxnRequest<Bytes>> = fc.oneof(
  {weight: 300, arbitrary: single(put)},
  {weight: 80, arbitrary: single(deleteRange)},
  {weight: 300, arbitrary: txn.filter(isValid)},
  {weight: 5, arbitrary: deep},
  {weight: 10, arbitrary: wide},
  {weight: 1, arbitrary: large},
);

/** What to watch. */
export const watchRequest: fc.Arbitrary<WatchRequest<Bytes>> = fc
  .tuple(
    manyKeys,
    fc.record({
      startRevision: fc.option(revision, {freq: 2, nil: undefined}),
      prevKv: flag,
      filters: seldom(fc.subarray(['noput', 'nodelete'] as const)),
    }),
  )
  .map(([keys, fields]) => ({...keys, ...fields}))
  .filter((request) => isAccepted(() => checkWatch({...request, startRevision: undefined}, defaultLimits)));

/** Whether a request is refused does not depend on what its names resolve to. */
const someNames = names(2000);

/** Whether kvi-core passes it on to a driver. */
function isValid(request: TxnRequest<Bytes>): boolean {
  return isAccepted(() => checkTxn(resolveTxn(request, someNames), defaultLimits));
}

function isAccepted(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (!isKviError(error, 'KVI_INVALID_ARGUMENT')) throw error;
    return false;
  }
}
