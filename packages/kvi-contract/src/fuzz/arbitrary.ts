import * as fc from 'fast-check';
import {key} from './arbitrary-bytes.ts';
import {lease, rangeRequest, revision, txnRequest, watchRequest} from './arbitrary-request.ts';
import type {Command, HandleCommand, LeaseName, Program} from './program.ts';

/** Most calls use one handle; the effect is the same on any. */
const handle = fc.oneof(
  {weight: 4, arbitrary: fc.constant(0)},
  {weight: 2, arbitrary: fc.constantFrom(1, 2)},
);

const slot = fc.integer({min: 0, max: 3});

const grantable = fc.constantFrom<LeaseName>('chosen0', 'fresh0', 'chosen1', 'fresh1');

/** Far apart, so that which of two leases expires first does not depend on how fast a program runs. */
const ttlSeconds = fc.constantFrom(600, 7_200, 86_400);

function call<T extends HandleCommand>(fields: fc.Arbitrary<Omit<T, 'handle'>>): fc.Arbitrary<Command> {
  return fc.tuple(handle, fields).map(([index, rest]) => ({handle: index, ...rest}) as T);
}

type Call<T extends HandleCommand['do']> = Extract<HandleCommand, {do: T}>;

const grant: fc.Arbitrary<Command> = call<Call<'leaseGrant'>>(
  fc.record({do: fc.constant('leaseGrant'), lease: grantable, ttlSeconds}),
);

const command: fc.Arbitrary<Command> = fc.oneof(
  {weight: 240, arbitrary: call<Call<'txn'>>(fc.record({do: fc.constant('txn'), request: txnRequest}))},
  {weight: 80, arbitrary: call<Call<'range'>>(fc.record({do: fc.constant('range'), request: rangeRequest}))},
  {
    weight: 60,
    arbitrary: call<Call<'watch'>>(fc.record({do: fc.constant('watch'), slot, request: watchRequest})),
  },
  {weight: 20, arbitrary: grant},
  {weight: 12, arbitrary: call<Call<'leaseRevoke'>>(fc.record({do: fc.constant('leaseRevoke'), lease}))},
  {weight: 6, arbitrary: call<Call<'leaseKeepAlive'>>(fc.record({do: fc.constant('leaseKeepAlive'), lease}))},
  {
    weight: 12,
    arbitrary: call<Call<'leaseTimeToLive'>>(
      fc.record({do: fc.constant('leaseTimeToLive'), lease, keys: fc.boolean()}),
    ),
  },
  {weight: 6, arbitrary: call<Call<'leaseLeases'>>(fc.record({do: fc.constant('leaseLeases')}))},
  {
    weight: 1,
    arbitrary: call<Call<'expire'>>(
      fc.record({
        do: fc.constant('expire'),
        lease: grantable,
        keys: fc.uniqueArray(key, {maxLength: 4, selector: (bytes) => Buffer.from(bytes).toString('latin1')}),
      }),
    ),
  },
  {weight: 12, arbitrary: call<Call<'compact'>>(fc.record({do: fc.constant('compact'), revision}))},
  {weight: 8, arbitrary: fc.record({do: fc.constant('cancel'), slot})},
  {weight: 10, arbitrary: fc.record({do: fc.constant('sync')})},
  {weight: 2, arbitrary: call<Call<'close'>>(fc.record({do: fc.constant('close')}))},
  {weight: 3, arbitrary: call<Call<'open'>>(fc.record({do: fc.constant('open')}))},
);

/** Leases granted at the start, so that keys can be put under them. */
const grants = fc
  .tuple(fc.shuffledSubarray<LeaseName>(['chosen0', 'fresh0', 'chosen1', 'fresh1']), handle)
  .map(([leases, index]): Command[] =>
    leases.map((lease) => ({handle: index, do: 'leaseGrant', lease, ttlSeconds: 600})),
  );

/** Programs of up to 60 commands, weighted so that most calls succeed and each error occurs. */
export const program: fc.Arbitrary<Program> = fc
  .tuple(grants, fc.array(command, {maxLength: 57, size: 'max'}))
  .map(([first, rest]) => [...first, ...rest]);
