// What etcd's robustness tests found in etcd, by the numbers of its issues: the table in its `tests/robustness/README.md`.
import {expect, it} from '@jest/globals';
import {compact, deleteRange, put, type SentWatch, type WatchMessage} from 'kvi-wire';
import type {OpenStream} from '../support/client.ts';
import type {Subject} from '../support/reference.ts';
import {eventsIn, untilEvents} from '../support/watching.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const key = bytes('k');
export const everything = {key: Buffer.of(0), rangeEnd: Buffer.of(0)};

/** How often a progress notification comes that a watch asks for, in milliseconds. */
export const progressIntervalMs = 50;

async function write({client}: Subject, to = key, value: Buffer | string = 'v'): Promise<number> {
  const {header} = await client.call(put, {key: to, value: Buffer.from(value)});
  return header?.revision ?? 0;
}

/** Writes one key after another, many at once. @returns how many events it made */
export async function writeMany(
  subject: Subject,
  count: number,
  value: Buffer | string = 'v',
): Promise<number> {
  for (let written = 0; written < count;) {
    const keys = Array.from({length: Math.min(50, count - written)}, (_, n) => bytes(`k${written + n}`));
    await Promise.all(keys.map((to) => write(subject, to, value)));
    written += keys.length;
  }
  return count;
}

export async function opened({client}: Subject, ...creates: SentWatch[]) {
  const stream = client.watch();
  for (const create of creates) stream.send({create});
  const responses = await Promise.all(creates.map(() => stream.next()));
  for (const response of responses) expect(response).toMatchObject({created: true, canceled: false});
  return stream;
}

/** Fails unless events come in the order of their revisions, each once and none left out, from a revision on. */
export function expectWhole(
  messages: readonly WatchMessage[],
  watchId: number,
  from: number,
  to: number,
): void {
  const revisions = messages.flatMap((message) =>
    message.watchId === watchId ? message.events.map(({kv}) => kv?.modRevision) : [],
  );
  expect(revisions).toEqual(Array.from({length: to - from + 1}, (_, n) => from + n));
}

/** Cases that every etcd passes that kvi knows. */
export function robustnessCases(subject: Subject): void {
  it('#15271: a watch never goes back, however often it falls behind', async () => {
    const watches = [{...everything, startRevision: 2}, everything, {...everything, progressNotify: true}];
    const stream = await opened(subject, ...watches);
    const messages: WatchMessage[] = [];
    let written = 0;
    for (let round = 0; round < 4; round += 1) {
      stream.stream.pause();
      written += await writeMany(subject, 100, Buffer.alloc(2_000));
      stream.stream.resume();
      messages.push(...(await untilEvents(stream, watches.length * 100)));
    }
    for (const watchId of watches.keys()) expectWhole(messages, watchId, 2, 1 + written);
  });

  it('#17529: a stream that its client does not read loses nothing', async () => {
    const stream = await opened(subject, everything, {...everything, startRevision: 1});
    stream.stream.pause();
    // More than the buffers of an etcd and of a connection hold.
    const count = await writeMany(subject, 3_000, Buffer.alloc(500));
    stream.stream.resume();
    const messages = await untilEvents(stream, 2 * count);
    expectWhole(messages, 0, 2, 1 + count);
    expectWhole(messages, 1, 2, 1 + count);
    // It goes on as one that was never behind.
    const revision = await write(subject);
    const after = await untilEvents(stream, 2);
    for (const watchId of [0, 1]) expectWhole(after, watchId, revision, revision);
  });

  it('#20221: a watch of the future tells nothing of the past', async () => {
    for (let n = 0; n < 3; n += 1) await write(subject);
    const future = 4 + 5;
    const stream = await opened(subject, {key, startRevision: future}, {key});
    while ((await write(subject)) < future + 1);
    const messages = await untilEvents(stream, 2 + 6);
    expectWhole(messages, 0, future, future + 1);
    expectWhole(messages, 1, 5, future + 1);
  });
}

/** Cases that older versions of etcd fail. */
export function laterRobustnessCases(subject: Subject): void {
  it('#15220: progress is told after the events that it is about', async () => {
    const stream = await opened(
      subject,
      ...[1, 1, 0].map((startRevision) => ({...everything, startRevision})),
    );
    const writing = writeMany(subject, 400);
    const messages: WatchMessage[] = [];
    for (let told = 0; told < 3 * 400;) {
      stream.send({progress: {}});
      const message = await stream.next();
      messages.push(message);
      told += message.events.length;
    }
    await writing;
    let progress = 0;
    for (const {events, header} of messages) {
      if (events.length === 0) progress = Math.max(progress, header?.revision ?? 0);
      for (const {kv} of events) expect(kv?.modRevision).toBeGreaterThan(progress);
    }
    for (const watchId of [0, 1, 2]) expectWhole(messages, watchId, 2, 401);
  });

  it('#15220, TestV3WatchProgressWaitsForSync: also if the events are of the past', async () => {
    const count = await writeMany(subject, 1_001);
    const stream = subject.client.watch();
    stream.send({create: {...everything, startRevision: 1}});
    stream.send({progress: {}});
    const messages = await untilEvents(stream, count);
    expect(messages.filter(({created, events}) => !created && events.length === 0)).toEqual([]);
    stream.send({progress: {}});
    expect(await stream.next()).toMatchObject({watchId: -1, events: [], header: {revision: 1 + count}});
  });

  it('#18089: a deletion is told to a watch that begins at its revision, also if that was compacted', async () => {
    for (const value of ['2', '3', '4']) await write(subject, key, value);
    const {header} = await subject.client.call(deleteRange, {key});
    await write(subject, key, '6');
    await subject.client.call(compact, {revision: header?.revision, physical: true});
    const stream = await opened(subject, {key, startRevision: header?.revision});
    expect(eventsIn(await untilEvents(stream, 2))).toEqual(['5 delete k', '6 put k=6']);
  });

  it('#19179: also if its creation was compacted before', async () => {
    const created = await write(subject);
    await write(subject, bytes('other'));
    const {header} = await subject.client.call(deleteRange, {key});
    const revision = header?.revision ?? 0;
    for (const each of [created, created + 1, revision]) {
      await subject.client.call(compact, {revision: each, physical: true});
    }
    const stream = await opened(subject, {...everything, startRevision: revision});
    expect(eventsIn(await untilEvents(stream, 1))).toEqual(['4 delete k']);
  });

  it('#20221: a watch of the future is told of no progress', async () => {
    const now = await write(subject);
    const future = {key, startRevision: now + 3, progressNotify: true};
    const stream = await opened(subject, future);
    const present = await opened(subject, {key: bytes('other'), progressNotify: true});
    stream.send({progress: {}});
    // In the meantime, one that is up to date is told.
    const notifications: WatchMessage[] = [];
    while (notifications.length < 4) notifications.push(await present.next());
    expect(notifications.map(({events}) => events)).toEqual(Array(4).fill([]));
    expect(stream.waiting).toEqual([]);
    while ((await write(subject)) < now + 3);
    expect(eventsIn([await stream.next()])).toEqual([`${now + 3} put k=v`]);
    expect(await nextProgress(stream)).toBeGreaterThanOrEqual(now + 3);
  });
}

async function nextProgress(stream: Pick<OpenStream<never, WatchMessage>, 'next'>): Promise<number> {
  const {events, header} = await stream.next();
  expect(events).toEqual([]);
  return header?.revision ?? 0;
}
