import {afterEach, beforeEach, describe, expect, it, jest} from '@jest/globals';
import {connectTo} from '../src/cluster/connection.ts';
import type {Member} from '../src/cluster/members.ts';
import type {RequestStreams, StreamListener} from '../src/streams/request-streams.ts';
import {storeHistory} from '../src/streams/store-history.ts';
import {watchRegistry} from '../src/streams/watch-registry.ts';
import type {SentWatchRequest, WatchMessage} from 'kvi-wire';
import {bytes, failure} from './support/util.ts';

beforeEach(() => {
  jest.useFakeTimers({doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance']});
});

afterEach(() => {
  jest.useRealTimers();
});

const member: Member = {
  name: 'http://a:2379',
  isReady: () => true,
  connection: connectTo({host: 'a', port: 2379, tls: false}, {}, () => undefined),
};

const response: WatchMessage = {
  header: {clusterId: 'c', memberId: 'm', revision: 1, raftTerm: 1},
  watchId: 0,
  created: false,
  canceled: false,
  compactRevision: 0,
  cancelReason: '',
  fragment: false,
  events: [],
};

/** A registry whose streams end at the test: no etcd cancels a watch for a reason of the test's choice. */
function underTest() {
  const sent: SentWatchRequest[] = [];
  let listener: StreamListener<WatchMessage> | undefined;
  let opened = 0;
  const streams = {
    name: 'etcd',
    open(_name: string, _method: unknown, listening: StreamListener<WatchMessage>) {
      opened += 1;
      listener = listening;
      return Promise.resolve({
        member,
        write: (request: SentWatchRequest) => sent.push(request),
        cancel: () => undefined,
        version: () => Promise.resolve('3.5.30'),
        tokenRefused: () => false,
      });
    },
    close: () => undefined,
  } as RequestStreams;
  const registry = watchRegistry(streams, {
    history: storeHistory(() => undefined),
    presentRevision: () => Promise.resolve(1),
  });
  return {
    registry,
    sent,
    opened: () => opened,
    say: (message: Partial<WatchMessage>) => listener?.onResponse({...response, ...message}),
    creations: (key: string) => sent.filter(({create}) => String(create?.key) === key),
  };
}

describe('A watch that the server cancels for a reason that nobody knows', () => {
  it('is created again alone, with pauses, and gives up in the end', async () => {
    const {registry, opened, say, creations} = underTest();
    const cancelled = registry.watch({key: bytes('cancelled')});
    const other = registry.watch({key: bytes('other')});
    await jest.advanceTimersByTimeAsync(0);
    for (const watchId of [1, 2]) say({created: true, watchId});
    await Promise.all([cancelled.created, other.created]);
    let error: unknown;
    void failure(cancelled.next()).then((reason) => (error = reason));
    let rounds = 0;
    for (let id = 1; error === undefined; id = creations('cancelled').at(-1)?.create?.watchId ?? 0) {
      rounds += 1;
      if (rounds > 1) say({created: true, watchId: id});
      say({canceled: true, watchId: id, cancelReason: 'the moon is full'});
      await jest.advanceTimersByTimeAsync(2_000);
    }
    expect(rounds).toBe(11);
    expect(error).toMatchObject({
      code: 'KVI_UNAVAILABLE',
      message: expect.stringContaining('the moon is full'),
    });
    expect(creations('other')).toHaveLength(1);
    expect(opened()).toBe(1);
    await other.return();
  });

  it('is created again within the time of its pause, not before', async () => {
    const {registry, say, creations} = underTest();
    const cancelled = registry.watch({key: bytes('cancelled')});
    await jest.advanceTimersByTimeAsync(0);
    say({created: true, watchId: 1});
    say({canceled: true, watchId: 1, cancelReason: 'the moon is full'});
    await jest.advanceTimersByTimeAsync(20);
    expect(creations('cancelled')).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(40);
    expect(creations('cancelled')).toHaveLength(2);
    await cancelled.return();
  });
});

describe('A watch whose start was compacted before it was in place', () => {
  it('has missed nothing if it was to start now, and starts again', async () => {
    const {registry, say, creations} = underTest();
    const watch = registry.watch({key: bytes('k')});
    await jest.advanceTimersByTimeAsync(0);
    say({created: true, canceled: true, compactRevision: 9});
    await jest.advanceTimersByTimeAsync(0);
    const [, again] = creations('k');
    say({created: true, watchId: again?.create?.watchId ?? 0});
    expect(await watch.created).toBe(2);
    say({canceled: true, watchId: again?.create?.watchId ?? 0, compactRevision: 9});
    expect(await failure(watch.next())).toMatchObject({code: 'KVI_COMPACTED', compactRevision: 9});
  });

  it('ends if it was to start at a revision', async () => {
    const {registry, say} = underTest();
    const watch = registry.watch({key: bytes('k'), startRevision: 5});
    await jest.advanceTimersByTimeAsync(0);
    say({created: true, canceled: true, compactRevision: 9});
    expect(await failure(watch.created)).toMatchObject({code: 'KVI_COMPACTED'});
  });
});

describe('A watch that cannot be sent', () => {
  it('fails by itself, and does not take the answer of another', async () => {
    const {registry, sent, say} = underTest();
    const bad = registry.watch({key: bytes('bad')});
    const good = registry.watch({key: bytes('good')});
    sent.push = (...requests) => {
      if (requests.some(({create}) => String(create?.key) === 'bad')) throw new Error('made to fail');
      return Array.prototype.push.apply(sent, requests);
    };
    await jest.advanceTimersByTimeAsync(0);
    expect(await failure(bad.next())).toMatchObject({code: 'KVI_INTERNAL', cause: {message: 'made to fail'}});
    const id = sent.at(-1)?.create?.watchId ?? 0;
    say({created: true, watchId: id});
    expect(await good.created).toBe(2);
    await good.return();
  });
});

describe('Watches behind a proxy that chooses the ids', () => {
  it('are created one after the other', async () => {
    const {registry, sent, say, creations} = underTest();
    const watches = ['a', 'b', 'c'].map((key) => registry.watch({key: bytes(key)}));
    await jest.advanceTimersByTimeAsync(0);
    for (const [index, watchId] of [70, 80, 90].entries()) {
      expect(sent.filter(({create}) => create !== undefined)).toHaveLength(index + 1);
      say({created: true, watchId});
    }
    expect(creations('c')).toHaveLength(1);
    const kv = {
      key: bytes('b'),
      value: bytes('v'),
      createRevision: 2,
      modRevision: 2,
      version: 1,
      lease: '0',
    };
    say({watchId: 80, events: [{type: 'put', kv, prevKv: undefined}]});
    expect(await watches[1]?.next()).toMatchObject({value: {revision: 2}});
    await jest.advanceTimersByTimeAsync(5_000);
    expect(sent.filter(({progress}) => progress !== undefined)).toHaveLength(0);
    for (const watch of watches) await watch.return();
  });
});
