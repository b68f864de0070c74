// etcd's `tests/common/watch_test.go`, case by case under its names, and much of its integration tests of watches.
import {expect, it} from '@jest/globals';
import {compact, deleteRange, put, type SentWatch, txn, type WatchMessage} from 'kvi-wire';
import {describeBesideEtcd} from '../support/reference.ts';
import {eventsIn, untilEvents} from '../support/watching.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const foo = bytes('foo');

describeBesideEtcd('watches', (subject) => {
  async function write(key: string, value = 'bar'): Promise<number> {
    const {header} = await subject.client.call(put, {key: bytes(key), value: bytes(value)});
    return header?.revision ?? 0;
  }

  /** Opens a stream with one watch, which was created. */
  async function watching(create: SentWatch) {
    const stream = subject.client.watch();
    stream.send({create});
    const created = await stream.next();
    return {stream, created};
  }

  it.each<[string, SentWatch, [string, string][], string[]]>([
    [
      'a key from a revision on',
      {key: bytes('bar'), startRevision: 3},
      [
        ['bar', 'revision_1'],
        ['bar', 'revision_2'],
        ['bar', 'revision_3'],
      ],
      ['3 put bar=revision_2', '4 put bar=revision_3'],
    ],
    ['a key', {key: bytes('sample'), startRevision: 1}, [['sample', 'value']], ['2 put sample=value']],
    [
      'a prefix',
      {key: bytes('foo'), rangeEnd: bytes('fop'), startRevision: 1},
      [
        ['foo1', 'val1'],
        ['foo2', 'val2'],
        ['foo3', 'val3'],
      ],
      ['2 put foo1=val1', '3 put foo2=val2', '4 put foo3=val3'],
    ],
    [
      'a range',
      {key: bytes('key'), rangeEnd: bytes('key3'), startRevision: 1},
      [
        ['key1', 'val1'],
        ['key3', 'val3'],
        ['key2', 'val2'],
      ],
      ['2 put key1=val1', '4 put key2=val2'],
    ],
  ])('TestWatch: %s', async (_, create, puts, expected) => {
    const early = await watching(create);
    for (const [key, value] of puts) await write(key, value);
    const late = await watching(create);
    for (const {stream} of [early, late]) {
      expect(eventsIn(await untilEvents(stream, expected.length))).toEqual(expected);
    }
  });

  it('TestV3WatchFutureRevision: nothing of before its revision', async () => {
    const {stream} = await watching({key: foo, startRevision: 10});
    while ((await write('foo')) < 10);
    const [message] = await untilEvents(stream, 1);
    expect(message?.header?.revision).toBe(10);
    expect(eventsIn(message ? [message] : [])).toEqual(['10 put foo=bar']);
  });

  it('TestV3WatchWrongRange: a range that is empty is not watched', async () => {
    const stream = subject.client.watch();
    for (const [key, end] of ['aa', 'ba']) {
      stream.send({create: {key: bytes(key ?? ''), rangeEnd: bytes(end ?? ''), startRevision: 1}});
      expect(await stream.next()).toMatchObject({created: true, canceled: true, watchId: -1});
    }
    stream.send({create: {key: foo, rangeEnd: Buffer.of(0), startRevision: 1}});
    expect(await stream.next()).toMatchObject({created: true, canceled: false});
  });

  it('TestV3WatchEmptyKey: a key without a value', async () => {
    const {stream} = await watching({key: foo});
    await write('foo', '');
    expect(eventsIn(await untilEvents(stream, 1))).toEqual(['2 put foo=']);
  });

  it.each([
    ['TestV3WatchCancelSynced', 0],
    ['TestV3WatchCancelUnsynced', 1],
  ])('%s: a watch that was cancelled tells nothing more', async (_, startRevision) => {
    await write('foo');
    const {stream, created} = await watching({key: foo, startRevision});
    stream.send({cancel: {watchId: created.watchId}});
    let message = await stream.next();
    // From the past, some may have been on their way.
    while (message.events.length > 0) message = await stream.next();
    expect(message).toMatchObject({watchId: created.watchId, canceled: true, created: false});
    await write('foo');
    stream.send({create: {key: bytes('other')}});
    expect(await stream.next()).toMatchObject({created: true});
  });

  it.each([
    ['TestV3WatchMultipleEventsTxnSynced', true],
    ['TestV3WatchMultipleEventsTxnUnsynced', false],
  ])('%s: what one transaction wrote comes in one response', async (_, isSynced) => {
    const create = {key: foo, rangeEnd: bytes('fop'), startRevision: isSynced ? 0 : 1};
    const write3 = () =>
      subject.client.call(txn, {
        success: ['foo0', 'foo1', 'foo2'].map((key) => ({put: {key: bytes(key), value: bytes('bar')}})),
      });
    if (!isSynced) await write3();
    const {stream} = await watching(create);
    if (isSynced) await write3();
    expect(eventsIn([await stream.next()])).toEqual(['2 put foo0=bar', '2 put foo1=bar', '2 put foo2=bar']);
  });

  it('TestV3WatchMultipleWatchersSynced: each watch of a stream tells what it watches', async () => {
    const stream = subject.client.watch();
    stream.send({create: {key: foo}});
    stream.send({create: {key: foo, rangeEnd: bytes('fop')}});
    stream.send({create: {key: bytes('other')}});
    const ids = [await stream.next(), await stream.next(), await stream.next()].map(({watchId}) => watchId);
    expect(ids).toEqual([0, 1, 2]);
    await write('foo');
    const told = [await stream.next(), await stream.next()];
    expect(told.map(({watchId}) => watchId).sort()).toEqual([0, 1]);
    await write('fool');
    const [message] = await untilEvents(stream, 1);
    expect(message?.watchId).toBe(1);
  });

  it('TestWatcherWatchWithIDs: ids that a client chose are not given to other watches', async () => {
    const stream = subject.client.watch();
    for (const watchId of [0, 1, 2, 0, 5, 0, 0, 0]) stream.send({create: {key: foo, watchId}});
    const ids: number[] = [];
    while (ids.length < 8) ids.push((await stream.next()).watchId);
    expect(ids).toEqual([0, 1, 2, 3, 5, 4, 6, 7]);
  });

  it('TestV3WatchWithFilter: puts, or deletions, are left out', async () => {
    const {stream} = await watching({key: foo, filters: ['noput']});
    await write('foo');
    await subject.client.call(deleteRange, {key: foo});
    expect(eventsIn(await untilEvents(stream, 1))).toEqual(['3 delete foo']);
  });

  it.each([
    ['a key', '', 0],
    ['a range', 'fop', 0],
    ['a key from the past on', '', 2],
  ])('TestV3WatchWithPrevKV: %s', async (_, end, startRevision) => {
    await write('foo', '1');
    const {stream} = await watching({key: foo, rangeEnd: bytes(end), prevKv: true, startRevision});
    await write('foo', '2');
    await subject.client.call(deleteRange, {key: foo});
    const messages = await untilEvents(stream, startRevision === 0 ? 2 : 3);
    const previous = messages.flatMap(({events}) => events.map(({prevKv}) => String(prevKv?.value)));
    expect(previous.slice(-2)).toEqual(['1', '2']);
  });

  it('TestV3WatchCurrentPutOverlap: watches that begin while others write miss nothing', async () => {
    const writes = 40;
    const revisions: number[] = [];
    const writing = (async () => {
      while (revisions.length < writes) revisions.push(await write('foo'));
    })();
    const watches: Awaited<ReturnType<typeof watching>>[] = [];
    while (watches.length < 10) watches.push(await watching({key: foo}));
    await writing;
    const last = revisions.at(-1) ?? 0;
    for (const {stream, created} of watches) {
      // It tells what came after the revision at which it was created.
      const begin = created.header?.revision ?? 0;
      const expected = revisions.filter((revision) => revision > begin);
      const messages = await untilEvents(stream, expected.length);
      expect(eventsIn(messages)).toEqual(expected.map((revision) => `${revision} put foo=bar`));
    }
    expect(last).toBe(1 + writes);
  });

  it('TestWatchRequestProgress: one answer for all watches of a stream', async () => {
    const stream = subject.client.watch();
    for (const key of ['a', 'b', 'c']) stream.send({create: {key: bytes(key)}});
    for (let n = 0; n < 3; n += 1) await stream.next();
    await write('elsewhere');
    stream.send({progress: {}});
    expect(await stream.next()).toMatchObject({watchId: -1, events: [], header: {revision: 2}});
    await write('a');
    expect(await stream.next()).toMatchObject({watchId: 0, events: [{}]});
  });

  it('TestWatchCompactRevision: a watch of what was compacted is told from where there is history', async () => {
    for (let n = 0; n < 5; n += 1) await write('foo');
    await subject.client.call(compact, {revision: 4});
    const {stream, created} = await watching({key: foo, startRevision: 2});
    expect(created).toMatchObject({created: true, canceled: false});
    expect(await stream.next()).toMatchObject({canceled: true, compactRevision: 4, events: []});
    const again = await watching({key: foo, startRevision: 4});
    const messages: WatchMessage[] = await untilEvents(again.stream, 3);
    expect(eventsIn(messages)).toEqual(['4 put foo=bar', '5 put foo=bar', '6 put foo=bar']);
  });

  it('TestWatchEventType: creations, modifications and deletions are told apart', async () => {
    const {stream} = await watching({key: foo});
    await write('foo');
    await write('foo');
    await subject.client.call(deleteRange, {key: foo});
    await write('foo');
    const events = (await untilEvents(stream, 4)).flatMap((message) => message.events);
    expect(events.map(({type, kv}) => [type, kv?.createRevision === kv?.modRevision, kv?.version])).toEqual([
      ['put', true, 1],
      ['put', false, 2],
      ['delete', false, 0],
      ['put', true, 1],
    ]);
  });
});
