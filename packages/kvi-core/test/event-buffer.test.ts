import {describe, expect, it} from '@jest/globals';
import {eventBuffer, type EventBufferOptions} from '../src/driver/event-buffer.ts';
import {KviError} from '../src/etcd/errors.ts';
import {noLease} from '../src/etcd/lease-id.ts';
import type {Event, WatchResponse} from '../src/etcd/messages.ts';

/** A response with so many events, all of one revision. */
function response(revision: number, events = 1): WatchResponse<Uint8Array> {
  const kv = {
    key: Buffer.from('k'),
    value: Buffer.from(String(revision)),
    createRevision: 1,
    modRevision: revision,
    version: 1,
    lease: noLease,
  };
  return {revision, events: Array.from({length: events}, (): Event<Uint8Array> => ({type: 'put', kv}))};
}

function buffer(options: Partial<EventBufferOptions> = {}) {
  const ends: true[] = [];
  return {ends, ...eventBuffer({onEnd: () => ends.push(true), ...options})};
}

const over = {done: true, value: undefined};

describe('a buffer of events', () => {
  it('gives responses in order, to a consumer that waits and to one that comes later', async () => {
    const {watch, push} = buffer();
    const waiting = [watch.next(), watch.next()];
    for (const revision of [1, 2, 3, 4]) push(response(revision));
    const taken = await Promise.all([...waiting, watch.next(), watch.next()]);
    expect(taken).toMatchObject([1, 2, 3, 4].map((revision) => ({value: {revision}})));
  });

  it('tells when the watch is in place', async () => {
    const {watch, created} = buffer();
    created(7);
    created(8);
    expect(await watch.created).toBe(7);
  });

  it('delivers what came before an error, then the error once, and is over', async () => {
    const {watch, push, fail, ends} = buffer();
    const error = new KviError('KVI_COMPACTED', 'made to fail');
    push(response(1));
    fail(error);
    fail(new KviError('KVI_INTERNAL', 'too late'));
    push(response(2));
    expect(await watch.next()).toMatchObject({value: {revision: 1}});
    await expect(watch.next()).rejects.toBe(error);
    expect(await watch.next()).toEqual(over);
    await expect(watch.created).rejects.toBe(error);
    expect(ends).toHaveLength(1);
  });

  it('gives an error to one of several pulls that wait, and ends the others', async () => {
    const {watch, fail} = buffer();
    const waiting = [watch.next(), watch.next(), watch.next()];
    const error = new KviError('KVI_CLOSED', 'made to fail');
    fail(error);
    expect(await Promise.allSettled(waiting)).toEqual([
      {status: 'rejected', reason: error},
      {status: 'fulfilled', value: over},
      {status: 'fulfilled', value: over},
    ]);
  });

  it('ends a consumer that is too slow with KVI_SLOW_CONSUMER, after all that it kept, and says where to go on', async () => {
    const {watch, push, ends} = buffer({maxBufferedEvents: 3});
    push(response(5, 2));
    push(response(6));
    expect(ends).toHaveLength(0);
    push(response(7));
    push(response(8));
    expect(ends).toHaveLength(1);
    expect(await watch.next()).toMatchObject({value: {revision: 5}});
    expect(await watch.next()).toMatchObject({value: {revision: 6}});
    await expect(watch.next()).rejects.toMatchObject({
      code: 'KVI_SLOW_CONSUMER',
      message: expect.stringMatching(/more than 3 events .*from revision 7/),
      revision: 7,
    });
    expect(await watch.next()).toEqual(over);
  });

  it('names the first revision that was not kept, where a response holds several', async () => {
    const {watch, push} = buffer({maxBufferedEvents: 1});
    push(response(5));
    push({...response(7), revision: 9});
    expect(await watch.next()).toMatchObject({value: {revision: 5}});
    await expect(watch.next()).rejects.toMatchObject({revision: 7});
  });

  it('counts the bytes of keys, values and previous values as well', async () => {
    const {watch, push} = buffer({maxBufferedBytes: 9});
    push(response(1, 2));
    const [event] = response(2).events;
    if (event === undefined) throw new Error('an event');
    push({revision: 2, events: [{...event, prevKv: event.kv}]});
    push(response(3));
    for (const revision of [1, 2]) expect(await watch.next()).toMatchObject({value: {revision}});
    await expect(watch.next()).rejects.toMatchObject({
      code: 'KVI_SLOW_CONSUMER',
      message: expect.stringMatching(/more than 9 bytes .*from revision 3/),
      revision: 3,
    });
  });

  it('forgets the bytes of what was taken', async () => {
    const {watch, push, ends} = buffer({maxBufferedBytes: 5});
    for (let revision = 1; revision < 9; revision += 1) {
      push(response(revision));
      push(response(revision));
      await watch.next();
      await watch.next();
    }
    expect(ends).toHaveLength(0);
  });

  it('never ends a consumer that keeps up, however much comes', async () => {
    const {watch, push, ends} = buffer({maxBufferedEvents: 3});
    for (let revision = 1; revision <= 100; revision += 1) {
      push(response(revision, 3));
      expect(await watch.next()).toMatchObject({value: {revision}});
    }
    expect(ends).toHaveLength(0);
  });

  it('takes a response that is larger than the bound when nothing else waits: a revision is never split', async () => {
    const {watch, push} = buffer({maxBufferedEvents: 3});
    push(response(1, 10));
    push(response(2));
    expect(await watch.next()).toMatchObject({value: {revision: 1}});
    await expect(watch.next()).rejects.toMatchObject({code: 'KVI_SLOW_CONSUMER', revision: 2});
  });

  it('keeps progress notifications, which have no events, within the bound', async () => {
    const {watch, push} = buffer({maxBufferedEvents: 1});
    push(response(1, 0));
    push(response(2));
    push(response(3, 0));
    for (const revision of [1, 2, 3]) expect(await watch.next()).toMatchObject({value: {revision}});
  });

  it('takes a progress notification also behind a response that is larger than the bound', async () => {
    const {watch, push} = buffer({maxBufferedEvents: 3});
    push(response(1, 10));
    push(response(2, 0));
    for (const revision of [1, 2]) expect(await watch.next()).toMatchObject({value: {revision}});
  });

  it('delivers nothing more once it was returned, and lets go of its source at once', async () => {
    const {watch, push, ends} = buffer();
    push(response(1));
    const returned = watch.return();
    expect(ends).toHaveLength(1);
    expect(await returned).toEqual(over);
    push(response(2));
    expect(await watch.next()).toEqual(over);
    await expect(watch.created).rejects.toMatchObject({
      code: 'KVI_ABORTED',
      message: expect.stringContaining('before it was in place'),
    });
    await watch.return();
    expect(ends).toHaveLength(1);
  });

  it('ends a consumer that waits without an error when it is returned', async () => {
    const {watch} = buffer();
    const waiting = watch.next();
    await watch.return();
    expect(await waiting).toEqual(over);
  });

  it('ends with KVI_ABORTED and the reason when its signal aborts, and drops what it kept', async () => {
    const controller = new AbortController();
    const {watch, push, ends} = buffer({signal: controller.signal});
    push(response(1));
    controller.abort('enough');
    await expect(watch.next()).rejects.toMatchObject({code: 'KVI_ABORTED', cause: 'enough'});
    expect(await watch.next()).toEqual(over);
    expect(ends).toHaveLength(1);
  });

  it('is over from the beginning when its signal has aborted', async () => {
    const {watch, ended, ends} = buffer({signal: AbortSignal.abort('enough')});
    expect([ended, ends.length]).toEqual([true, 1]);
    await expect(watch.created).rejects.toMatchObject({code: 'KVI_ABORTED'});
    await expect(watch.next()).rejects.toMatchObject({code: 'KVI_ABORTED'});
  });
});
