import {type Bytes, type Driver, isKviError, type KeyValue} from 'kvi-core/driver';
import {campaign, etcdErrors, leader, observe, proclaim, type ReceivedLeaderKey, resign} from 'kvi-wire';
import {Refusal, statusOf} from '../grpc/refusal.ts';
import {type Route, streaming, unary, waiting} from '../grpc/route.ts';
import type {ServiceContext} from '../store/context.ts';
import {checkKey, checkSize} from './checks.ts';
import {queueOf, queueUp, readFirst, untilFirst, withinTime} from './contenders.ts';

/**
 * Elections on the leases of clients.
 *
 * @see `server/etcdserver/api/v3election` in etcd
 */
export function electionService({identity, limits, alarms}: ServiceContext): Route[] {
  function beforeWrite(size: number): void {
    checkSize(size, limits.maxRequestBytes);
    alarms.beforeCall();
    alarms.beforeWrite(size);
  }

  return [
    waiting(campaign, ({name, lease: wanted, value}, call, size) =>
      withinTime(call, async (driver, signal) => {
        beforeWrite(size);
        const place = await queueUp(driver, name, wanted, value, signal);
        const {key, lease, createRevision: rev, revision, earlierValue} = place;
        const leaderKey = {name, key, rev, lease};
        if (earlierValue !== undefined && Buffer.compare(earlierValue, value) !== 0) {
          await proclaimAs(driver, leaderKey, value, signal);
        }
        if (!place.isFirst) await untilFirst(driver, place, signal);
        return {header: identity.header(revision), leader: leaderKey};
      }),
    ),

    unary(proclaim, ({leader: as, value}, call, size) =>
      withinTime(call, async (driver, signal) => {
        beforeWrite(size);
        const revision = await proclaimAs(driver, given(as), value, signal);
        return {header: identity.header(revision)};
      }),
    ),

    unary(leader, ({name}, call) =>
      withinTime(call, async (driver, signal) => {
        const {kvs, revision} = await driver.range(readFirst(name), {signal});
        const [kv] = kvs;
        if (kv === undefined) throw new Refusal(etcdErrors.nobodyLeads);
        return {header: identity.header(revision), kv};
      }),
    ),

    streaming(observe, (replies, {driver}) => {
      const over = new AbortController();

      async function tell(name: Bytes): Promise<void> {
        try {
          for await (const {kv, revision} of leaders(driver, name, over.signal)) {
            replies.send({header: identity.header(revision), kv});
            await replies.drained();
          }
        } catch (error) {
          replies.end(statusOf(error));
        }
      }

      return {
        onRequest: ({name}) => void tell(name),
        onEnd: () => undefined,
        onClose: () => over.abort(),
      };
    }),

    unary(resign, ({leader: as}, call) =>
      withinTime(call, async (driver, signal) => {
        const {key, rev: createRevision} = given(as);
        const {revision} = await driver.txn(
          {
            compare: [{key, target: 'create', result: '=', createRevision}],
            success: [{type: 'deleteRange', key}],
          },
          {signal},
        );
        return {header: identity.header(revision)};
      }),
    ),
  ];
}

function given(leaderKey: ReceivedLeaderKey | undefined): ReceivedLeaderKey {
  if (leaderKey === undefined) throw new Refusal(etcdErrors.leaderMissing);
  checkKey(leaderKey);
  return leaderKey;
}

/** @returns the revision */
async function proclaimAs(
  driver: Driver,
  {key, rev: createRevision, lease}: ReceivedLeaderKey,
  value: Bytes,
  signal: AbortSignal,
): Promise<number> {
  const {succeeded, revision} = await driver.txn(
    {
      compare: [{key, target: 'create', result: '=', createRevision}],
      success: [{type: 'put', key, value, lease}],
    },
    {signal},
  );
  if (!succeeded) throw new Refusal(etcdErrors.notLeader);
  return revision;
}

/** What a leader proclaims, at a revision. */
interface Proclaimed {
  readonly kv: KeyValue<Bytes>;
  readonly revision: number;
}

/** Each leader, and all that it proclaims. Whoever falls far behind goes on with the leader of then. */
async function* leaders(
  driver: Driver,
  name: Bytes,
  signal: AbortSignal,
): AsyncGenerator<Proclaimed, undefined> {
  for (;;) {
    try {
      const {kvs, revision} = await driver.range(readFirst(name), {signal});
      const [kv] = kvs;
      const first = kv === undefined ? await firstPut(driver, name, revision + 1, signal) : {kv, revision};
      yield first;
      yield* proclaimedAfter(driver, first, signal);
    } catch (error) {
      if (!isKviError(error, 'KVI_COMPACTED', 'KVI_SLOW_CONSUMER')) throw error;
    }
  }
}

/** Waits for somebody to lead. */
async function firstPut(
  driver: Driver,
  name: Bytes,
  startRevision: number,
  signal: AbortSignal,
): Promise<Proclaimed> {
  const watch = driver.watch({...queueOf(name), startRevision, filters: ['nodelete']}, {signal});
  for await (const {events} of watch) {
    const [first] = events;
    if (first !== undefined) return {kv: first.kv, revision: first.kv.modRevision};
  }
  throw new Error('a watch ended without an error');
}

/** What one leader proclaims until its key is deleted. */
async function* proclaimedAfter(
  driver: Driver,
  {kv: {key}, revision: seen}: Proclaimed,
  signal: AbortSignal,
): AsyncGenerator<Proclaimed, undefined> {
  for await (const {events, revision} of driver.watch({key, startRevision: seen + 1}, {signal})) {
    for (const {type, kv} of events) {
      if (type === 'delete') return;
      yield {kv, revision};
    }
  }
}
