import {describe, expect, it} from '@jest/globals';
import {checkHistory, type CallHistory, historyRecorder, modelDriver, modelStore} from 'kvi-contract';
import type {Bytes, Driver, RequestOp, WatchRequest} from 'kvi-core/driver';

const bytes = (text: string): Bytes => Buffer.from(text);
const put = (key: string, value: string): RequestOp<Bytes> => ({
  type: 'put',
  key: bytes(key),
  value: bytes(value),
});
const everything = {key: bytes('\0'), rangeEnd: bytes('\0')};

/** Two recorded handles on one store, the first of which may lie. */
function handles(lie: (driver: Driver) => Partial<Driver> = () => ({})) {
  const store = modelStore();
  const {history, record} = historyRecorder();
  const honest = modelDriver(store);
  return {
    history,
    liar: record({...honest, ...lie(honest)}, 'liar'),
    other: record(modelDriver(store), 'other'),
  };
}

/** Takes the next responses of a watch. */
async function read(driver: Driver, request: WatchRequest<Bytes>, count: number): Promise<void> {
  const watch = driver.watch(request);
  for (let taken = 0; taken < count; taken += 1) await watch.next();
  await watch.return();
}

/** Three revisions of one key, and a watch that saw them. */
async function watched(): Promise<{
  history: CallHistory;
  responses: CallHistory['watches'][number]['responses'];
}> {
  const {history, other} = handles();
  await other.txn({success: [put('a', '1'), put('b', '1')]});
  await other.txn({success: [put('a', '2')]});
  await other.txn({success: [put('a', '3')]});
  await read(other, {...everything, startRevision: 2}, 3);
  return {history, responses: history.watches[0]?.responses ?? []};
}

describe('A history is linearizable', () => {
  it('when one call follows the other', async () => {
    const {history, other} = handles();
    await other.txn({success: [put('a', '1')]});
    await other.range(everything);
    const {id} = await other.leaseGrant({ttlSeconds: 60});
    await other.leaseKeepAlive(id);
    await other.leaseTimeToLive({id, keys: true});
    await other.leaseRevoke(id);
    await other.compact({revision: 2});
    await expect(other.compact({revision: 2})).rejects.toThrow();
    expect(history.calls).toHaveLength(8);
    expect(checkHistory(history)).toEqual([]);
  });

  it('when a read may have come before a write that ran at the same time', async () => {
    const {history, other} = handles();
    await other.range(everything);
    await other.txn({success: [put('a', '1')]});
    const [before, write] = history.calls;
    // The read took long: it ended after the write.
    if (before && write) before.end = write.end + 1;
    expect(checkHistory(history)).toEqual([]);
    // The same read, begun after the write had ended, is stale.
    if (before && write) before.start = write.end + 0.5;
    expect(checkHistory(history).join()).toContain('not linearizable: after 1 calls, at revision 2');
  });

  it('whether a write of unknown outcome was applied, or not, or late', async () => {
    for (const applied of [true, false]) {
      const {history, other} = handles();
      if (applied) await other.txn({success: [put('a', '1')]});
      else
        history.calls.push({
          client: 'other',
          request: {type: 'txn', success: [put('a', '1')]},
          start: 0,
          end: 0,
          outcome: 'unknown',
        });
      const [write] = history.calls;
      if (write) Object.assign(write, {end: Infinity, outcome: 'unknown'});
      await other.txn({success: [put('b', '2')]});
      await other.range(everything);
      expect(checkHistory(history)).toEqual([]);
    }
  });

  it('when only a watch can tell which of two writes of unknown outcome came first', async () => {
    for (const first of ['1', '2']) {
      const {history, other} = handles();
      await other.txn({success: [put('a', first)]});
      await other.txn({success: [put('a', first === '1' ? '2' : '1')]});
      await read(other, {...everything, startRevision: 2}, 2);
      for (const write of history.calls) Object.assign(write, {start: 0, end: Infinity, outcome: 'unknown'});
      expect(checkHistory(history)).toEqual([]);
      history.calls.pop();
      expect(checkHistory(history).join()).toContain('delivered');
    }
  });

  it('when a serializable read is old, but not when it is ahead of its time', async () => {
    const {history, other} = handles();
    await other.range({...everything, serializable: true});
    await other.txn({success: [put('a', '1')]});
    const [early, write] = history.calls;
    if (early && write) Object.assign(early, {start: write.end + 1, end: write.end + 2});
    expect(checkHistory(history)).toEqual([]);
    await other.range({...everything, serializable: true});
    expect(checkHistory(history)).toEqual([]);
    const ahead = history.calls.at(-1);
    if (ahead && write) Object.assign(ahead, {start: write.start - 2, end: write.start - 1});
    expect(checkHistory(history).join()).toContain('is true of no state that there was until it ended');
  });
});

describe('A history is not linearizable', () => {
  it('when a read is stale', async () => {
    const {history, liar, other} = handles((driver) => {
      const old = driver.range(everything);
      return {range: () => old};
    });
    await other.txn({success: [put('a', '1')]});
    await liar.range(everything);
    expect(checkHistory(history)).toHaveLength(1);
  });

  it('when an update is lost', async () => {
    const {history, liar, other} = handles(() => ({
      txn: () => Promise.resolve({revision: 2, succeeded: true, responses: [{type: 'put', revision: 2}]}),
    }));
    await liar.txn({success: [put('a', '1')]});
    await other.range(everything);
    expect(checkHistory(history)).toHaveLength(1);
  });

  it('when two compare-and-swaps of one state both succeed', async () => {
    const {history, liar, other} = handles((driver) => ({
      // As if the compare were looked at some time before the write.
      txn: ({success}) => driver.txn({success}),
    }));
    const create = {compare: [{key: bytes('a'), target: 'create', result: '=', createRevision: 0} as const]};
    await Promise.all([
      other.txn({...create, success: [put('a', '1')]}),
      liar.txn({...create, success: [put('a', '2')]}),
    ]);
    expect(checkHistory(history)).toHaveLength(1);
  });

  it('when a transaction is seen in part', async () => {
    const {history, liar, other} = handles((driver) => ({
      async txn({success = []}) {
        const parts = [];
        for (const op of success) parts.push(await driver.txn({success: [op]}));
        const revision = parts.at(-1)?.revision ?? 0;
        return {revision, succeeded: true, responses: parts.flatMap(({responses}) => responses)};
      },
    }));
    await Promise.all([liar.txn({success: [put('a', '1'), put('b', '1')]}), other.range(everything)]);
    expect(checkHistory(history)).toHaveLength(1);
  });

  it('when revisions contradict what came before what', async () => {
    const {history, other} = handles();
    await other.txn({success: [put('a', '1')]});
    await other.txn({success: [put('b', '2')]});
    expect(checkHistory(history)).toEqual([]);
    const [first, second] = history.calls;
    if (first && second) Object.assign(second, {start: first.start - 2, end: first.start - 1});
    expect(checkHistory(history)).toHaveLength(1);
  });

  it('when a lease is granted twice', async () => {
    const {history, liar, other} = handles(() => ({
      leaseGrant: () => Promise.resolve({revision: 1, id: '1f', ttlSeconds: 60}),
    }));
    await other.leaseGrant({ttlSeconds: 60, id: '1f'});
    await liar.leaseGrant({ttlSeconds: 60, id: '1f'});
    expect(checkHistory(history)).toHaveLength(1);
  });
});

describe('A watch is checked', () => {
  it('and nothing is found where it delivered what happened', async () => {
    const {history, responses} = await watched();
    expect(responses).toHaveLength(3);
    expect(checkHistory(history)).toEqual([]);
    // Several revisions may come together.
    const [first, second] = responses;
    if (first && second) responses.splice(0, 2, {...second, events: [...first.events, ...second.events]});
    expect(checkHistory(history)).toEqual([]);
  });

  it('for a missing revision', async () => {
    const {history, responses} = await watched();
    responses.splice(1, 1);
    expect(checkHistory(history)).toHaveLength(1);
  });

  it('for a missing event of a revision', async () => {
    const {history, responses} = await watched();
    responses[0]?.events.pop();
    expect(checkHistory(history)).toHaveLength(1);
  });

  it('for events out of order, in a revision and between two', async () => {
    const one = await watched();
    one.responses[0]?.events.reverse();
    expect(checkHistory(one.history)).toHaveLength(1);
    const two = await watched();
    const [first] = two.responses.splice(0, 1);
    if (first) two.responses.splice(1, 0, first);
    expect(checkHistory(two.history)).not.toEqual([]);
  });

  it('for an event that comes twice', async () => {
    const {history, responses} = await watched();
    const [first] = responses;
    if (first) responses.unshift(first);
    expect(checkHistory(history)).not.toEqual([]);
  });

  it('for a revision that comes in two parts', async () => {
    const {history, responses} = await watched();
    const [first] = responses;
    const event = first?.events.shift();
    if (first && event) responses.unshift({revision: first.revision, events: [event]});
    expect(checkHistory(history)).toHaveLength(1);
  });

  it('for a bookmark that promises what was not delivered', async () => {
    const {history, responses} = await watched();
    responses.splice(1, 2, {revision: 4, events: []});
    expect(checkHistory(history)).toHaveLength(1);
  });

  it('for a start after what it had promised to see', async () => {
    const {history, other} = handles();
    const watch = other.watch(everything);
    await watch.created;
    await other.txn({success: [put('a', '1')]});
    await watch.return();
    expect(checkHistory(history)).toEqual([]);
    const created = history.watches[0]?.created;
    if (created) created.startRevision += 1;
    expect(checkHistory(history).join()).toContain('starts at 3, after revision 2 that was yet to come');
  });
});
