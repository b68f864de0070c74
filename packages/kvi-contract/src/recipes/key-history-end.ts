import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {
  type Bytes,
  type Driver,
  type Event,
  KviError,
  type WatchRequest,
  type WatchResponse,
} from 'kvi-core/driver';
import {keyHistory} from 'kvi-core/recipes';
import {assertFails, eventually, soon} from '../kvi/helpers.ts';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {revisionOf} from './export-helpers.ts';
import {scriptedWatches, type WatchScript} from './scripted-watches.ts';

/**
 * The history of one key by a handle on the case's store, with watches that deliver what they are told.
 *
 * @param present - what its reads say is the revision of the store, to which others may write meanwhile
 */
async function scripted({open, key}: CaseContext, scripts: readonly WatchScript[], present: number) {
  const {driver, ...watches} = scriptedWatches(await open(), scripts);
  const range: Driver['range'] = async (...args) => ({...(await driver.range(...args)), revision: present});
  const client = createKvi({...driver, range});
  async function read(signal?: AbortSignal): Promise<string[]> {
    const changes: string[] = [];
    for await (const {type, value} of keyHistory(client, key('a'), {signal})) {
      changes.push(type === 'put' ? `put ${value}` : type);
    }
    return changes;
  }
  return {...watches, history: (signal?: AbortSignal) => soon(read(signal), 'the history ends')};
}

function put({key}: Pick<CaseContext, 'key'>, modRevision: number, value: string): WatchResponse<Bytes> {
  const kv = {
    key: Buffer.from(key('a')),
    value: Buffer.from(value),
    createRevision: modRevision,
    modRevision,
    version: 1,
    lease: '0',
  };
  return responseOf({type: 'put', kv});
}

function deletion({key}: Pick<CaseContext, 'key'>, modRevision: number): WatchResponse<Bytes> {
  const none = {value: Buffer.of(), createRevision: 0, version: 0, lease: '0'};
  return responseOf({type: 'delete', kv: {...none, key: Buffer.from(key('a')), modRevision}});
}

function responseOf(event: Event<Bytes>): WatchResponse<Bytes> {
  return {revision: event.kv.modRevision, events: [event]};
}

const progress = (revision: number): WatchResponse<Bytes> => ({revision, events: []});
const compacted = (compactRevision: number) => new KviError('KVI_COMPACTED', 'compacted', {compactRevision});
const slow = new KviError('KVI_SLOW_CONSUMER', 'slow');

/** Stores a value. @returns the revision */
async function store({kv, key}: CaseContext, name: string, value: string): Promise<number> {
  return (await kv.txn({success: [{type: 'put', key: key(name), value}]})).revision;
}

function startsOf(requests: readonly WatchRequest<Bytes>[]) {
  return requests.map(({startRevision}) => startRevision);
}

/** How a history ends, and what it does about watches that end. */
export const endsOfKeyHistories: ContractGroup = {
  name: 'the end of the history of a key',
  cases: [
    {
      name: 'is the progress that is asked for, if the key does not exist',
      async run(context) {
        const now = await revisionOf(context.kv);
        // Where a watch catches up, a response may have the revision of the store.
        const early = {...put(context, now - 1, '1'), revision: now};
        const script = [progress(now - 1), early, deletion(context, now), progress(now)];
        const {history, progressRequests} = await scripted(context, [script], now);
        assert.deepEqual(await history(), ['put 1', 'delete']);
        assert.equal(progressRequests(), 1);
      },
    },
    {
      name: 'is a later change, which it leaves out',
      async run(context) {
        const now = await revisionOf(context.kv);
        const script = [deletion(context, now), put(context, now + 1, 'later')];
        const {history} = await scripted(context, [script], now);
        assert.deepEqual(await history(), ['delete']);
      },
    },
    {
      name: 'is the last put, without asking for progress, if the key exists',
      async run(context) {
        const now = await store(context, 'a', 'now');
        const script = [put(context, now - 1, 'before'), put(context, now, 'now')];
        const {history, progressRequests, requests} = await scripted(context, [script], now);
        assert.deepEqual(await history(), ['put before', 'put now']);
        assert.equal(progressRequests(), 0);
        assert.equal(requests[0]?.startRevision, 1);
      },
    },
    {
      name: 'is KVI_ABORTED, if the signal says so while it waits',
      async run(context) {
        const {history, requests} = await scripted(context, [], 1);
        const controller = new AbortController();
        const ended = assertFails('KVI_ABORTED', () => history(controller.signal), 'it is aborted');
        await eventually(() => Promise.resolve(requests.length === 1), 'it watches');
        controller.abort();
        await ended;
      },
    },
    {
      name: 'comes also if a watch was read too slowly: another goes on behind what was delivered',
      async run(context) {
        const now = await store(context, 'a', 'now');
        const scripts = [[put(context, now - 1, 'before'), slow], [put(context, now, 'now')]];
        const {history, requests} = await scripted(context, scripts, now);
        assert.deepEqual(await history(), ['put before', 'put now']);
        assert.deepEqual(startsOf(requests), [1, now]);
      },
    },
    {
      name: 'is KVI_COMPACTED, if the store was compacted after it had begun',
      async run(context) {
        const now = await store(context, 'a', 'now');
        const scripts = [[put(context, now - 1, 'before'), slow], [compacted(now)]];
        const {history} = await scripted(context, scripts, now);
        await assertFails('KVI_COMPACTED', history, 'a revision is missing');
      },
    },
    {
      name: 'is where it was, if the store was compacted twice while it looked for its first revision',
      async run(context) {
        const {kv} = context;
        await store(context, 'a', 'kept');
        const early = await store(context, 'b', '1');
        const oldest = await store(context, 'b', '2');
        await kv.compact(oldest);
        const now = await store(context, 'a', 'now');
        const scripts = [[compacted(early)], [compacted(oldest)], [slow], [put(context, now, 'now')]];
        const {history, requests} = await scripted(context, scripts, now);
        assert.deepEqual(await history(), ['put kept', 'put now'], 'the first one is delivered once');
        assert.deepEqual(startsOf(requests), [1, 1, oldest, oldest]);
      },
    },
  ],
};
