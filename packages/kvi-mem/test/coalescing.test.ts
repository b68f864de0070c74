import {describe, expect, it} from '@jest/globals';
import {createKvi, type Kvi, type KviOptions} from 'kvi-core';
import {
  checkTxn,
  coalesced,
  type CoalescingOptions,
  defaultLimits,
  KviError,
  type TxnRequest,
} from 'kvi-core/driver';
import {ManualClock, MemStore} from 'kvi-mem';
import {heldDriver, settled} from './support/held-driver.ts';
import {bytes} from './tools.ts';

/** A handle whose calls are coalesced, on a driver that answers when it is told to. */
function open(options: KviOptions & CoalescingOptions = {}) {
  const clock = new ManualClock();
  const store = new MemStore({clock});
  const held = heldDriver(store.driver());
  const {maxBatchesInFlight, ...kviOptions} = options;
  const driver = coalesced(held.driver, {maxBatchesInFlight});
  return {...held, clock, store, driver, kv: createKvi(driver, {retryPolicy: never, ...kviOptions})};
}

const never = {next: () => undefined, clone: () => never};

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof KviError ? error.code : String(error)),
  );

describe('Calls that are coalesced', () => {
  it('go out at once, or together once nothing is under way, reads apart from writes', async () => {
    const {kv, names, answer} = open();
    const first = [kv.get('a'), kv.store('b', '1')];
    expect(names()).toEqual(['range a', 'put b']);
    const others = [kv.get('c'), kv.get('d'), kv.getRange('e', 'f'), kv.store('g', '1'), kv.store('h', '1')];
    await settled();
    expect(names()).toHaveLength(2);
    await answer();
    await Promise.all(first);
    expect(names().slice(2).sort()).toEqual(['put g, put h', 'range c, range d, range e']);
    await answer();
    await Promise.all(others);
  });

  it('are each answered as if they had been sent alone', async () => {
    const {kv, open: openAll} = open();
    const busy = [kv.get('busy'), kv.store('busy', 'v')];
    const plain = createKvi(new MemStore().driver());
    const calls = (on: Kvi) => [
      on.store('a', '1'),
      on.tas('b', null, '2'),
      on.tas('c', 'not this', '3'),
      on.transaction('d', '=', 'x', 'e', 'then', 'f', 'else'),
      on.delete('g'),
      on
        .txn(
          {
            success: [
              {type: 'put', key: 'h', value: '4'},
              {type: 'put', key: 'i', value: '5'},
            ],
          },
          {mayShareRevision: true},
        )
        .then(({succeeded, responses}) => [succeeded, responses.map(({type}) => type)]),
      on
        .txn({
          compare: [{key: 'j', target: 'version', result: '=', version: 0}],
          success: [{type: 'range', key: 'k'}],
        })
        .then(({succeeded, responses}) => [succeeded, responses.map(({type}) => type)]),
      on.get('l'),
      on.getRange({prefix: 'm'}),
      on.range('n', {countOnly: true}).then(({count, more, kvs}) => [count, more, kvs]),
    ];
    const answers = Promise.all(calls(kv));
    await openAll();
    expect(await answers).toEqual(await Promise.all(calls(plain)));
    await Promise.all(busy);
    expect(
      (await kv.getRange({prefix: ''})).filter(({key}) => key !== 'busy').map(({key, value}) => [key, value]),
    ).toEqual((await plain.getRange({prefix: ''})).map(({key, value}) => [key, value]));
  });

  it('on one key keep their order, though batches are in flight', async () => {
    const {kv, names, answer, open: openAll} = open();
    const calls = [
      kv.store('a', '1'),
      kv.store('a', '2'),
      kv.get('a'),
      kv.getRange({prefix: 'a'}),
      kv.tas('a', '2', '3'),
      kv.store('b', '1'),
      kv.get('c'),
    ];
    await settled();
    expect(names()).toEqual(['put a', 'range c']);
    await answer();
    expect(names().slice(2)).toEqual(['put a, put b']);
    await openAll();
    expect((await Promise.all(calls)).slice(2)).toEqual([
      '2',
      [expect.objectContaining({key: 'a', value: '2'})],
      true,
      undefined,
      undefined,
    ]);
    expect(await kv.get('a')).toBe('3');
  });

  it('wait for no call but those on their keys', async () => {
    const {kv, names} = open();
    void kv.store('a', '1');
    void kv.get('b');
    await settled();
    expect(names()).toEqual(['put a', 'range b']);
    const range = kv.getRange('a', 'b');
    const alone = ['c', 'b', 'a'].map((key) => kv.txn({success: [{type: 'put', key, value: 'v'}]}));
    await settled();
    // The range reads what is being written; the transactions are not to be sent with others, and wait for writes only.
    expect(names()).toEqual(['put a', 'range b', 'put c', 'put b']);
    for (const call of [range, ...alone]) void call.catch(() => undefined);
  });

  it('that do not allow a shared revision go alone, and so do reads of the past beside writes', async () => {
    const {kv, sent, names, open: openAll} = open();
    await openAll();
    await kv.store('a', '1');
    const {revision} = await kv.range('a');
    sent.length = 0;
    await Promise.all([
      kv.store('x', '1'),
      kv.store('y', '1'),
      kv.store('z', '1'),
      kv.txn({success: [{type: 'put', key: 'alone', value: 'v'}]}),
      kv.deleteRange('b'),
      kv.txn(
        {
          success: [
            {type: 'put', key: 'past', value: 'v'},
            {type: 'range', key: 'a', revision},
          ],
        },
        {mayShareRevision: true},
      ),
    ]);
    expect(names()).toEqual(['put x', 'put alone', 'deleteRange b', 'put past, range a', 'put y, put z']);
    const revisions = (await kv.getRange({prefix: ''})).map(
      ({key, modRevision}) => [key, modRevision] as const,
    );
    expect(new Map(revisions).get('y')).toBe(new Map(revisions).get('z'));
  });

  it('are sent again, each alone, when one of them is refused', async () => {
    const {kv, names, open: openAll} = open();
    const busy = kv.store('z', 'v');
    const calls = [kv.store('a', '1'), kv.store('b', '1', {lease: 'abc'}), kv.tas('c', null, '1')];
    const codes = Promise.all(calls.map(codeOf));
    await openAll();
    expect(await codes).toEqual(['ok', 'KVI_LEASE_NOT_FOUND', 'ok']);
    await busy;
    expect(names()).toEqual(['put z', 'put a, put b, txn c+c', 'put a', 'put b', 'put c']);
    expect(await kv.getRange('a', 'd')).toMatchObject([{key: 'a'}, {key: 'c'}]);
  });

  it('all fail as their batch does when its outcome is unknown, and are not sent again', async () => {
    const {kv, names, answer, fail} = open();
    const first = [kv.store('a', '1'), kv.get('b')];
    const writes = [kv.store('c', '1'), kv.tas('d', null, '1')];
    const reads = [kv.get('e'), kv.get('f')];
    const codes = Promise.all([...writes, ...reads].map(codeOf));
    await settled();
    await answer();
    await Promise.all(first);
    await fail(new KviError('KVI_UNKNOWN_OUTCOME', 'made to fail'));
    expect(await codes).toEqual([
      'KVI_UNKNOWN_OUTCOME',
      'KVI_UNKNOWN_OUTCOME',
      'KVI_UNAVAILABLE',
      'KVI_UNAVAILABLE',
    ]);
    expect(names()).toHaveLength(4);
  });

  it.each(['KVI_UNAVAILABLE', 'KVI_CLOSED', 'KVI_INTERNAL'] as const)(
    'name themselves in the error when their batch fails with %s',
    async (code) => {
      const {kv, answer, fail} = open();
      const first = kv.get('a');
      const calls = [kv.get('b'), kv.get('c')];
      for (const call of calls) call.catch(() => undefined);
      await settled();
      await answer();
      await first;
      const cause = new Error('the cause');
      await fail(new KviError(code, 'made to fail', {cause}));
      await expect(calls[0]).rejects.toMatchObject({
        code,
        cause,
        message: '"b", which was sent with other calls: made to fail',
      });
    },
  );

  it('end by their own signals: queued ones unsent, sent writes with an unknown outcome', async () => {
    const {kv, names, answer, open: openAll} = open();
    const [early, late] = [new AbortController(), new AbortController()];
    const first = [kv.get('a'), kv.store('b', '1')];
    const queued = codeOf(kv.store('c', '1', {signal: early.signal}));
    const calls = [
      codeOf(kv.store('d', '1', {signal: late.signal})),
      codeOf(kv.store('e', '1')),
      codeOf(kv.get('f', {signal: late.signal})),
      codeOf(kv.get('g')),
    ];
    early.abort();
    expect(await queued).toBe('KVI_ABORTED');
    await answer();
    await Promise.all(first);
    expect(names().slice(2).sort()).toEqual(['put d, put e', 'range f, range g']);
    late.abort();
    await openAll();
    expect(await Promise.all(calls)).toEqual(['KVI_UNKNOWN_OUTCOME', 'ok', 'KVI_ABORTED', 'ok']);
  });

  it('end a batch that nobody waits for any more', async () => {
    const {kv, sent, answer} = open();
    const over = new AbortController();
    const first = kv.get('a');
    const calls = [kv.get('b', {signal: over.signal}), kv.get('c', {signal: over.signal})];
    const codes = Promise.all(calls.map(codeOf));
    await settled();
    await answer();
    await first;
    expect(sent[1]?.options.signal?.aborted).toBe(false);
    over.abort();
    expect(sent[1]?.options.signal?.aborted).toBe(true);
    expect(await codes).toEqual(['KVI_ABORTED', 'KVI_ABORTED']);
  });

  it('end in their own time, to the millisecond', async () => {
    const {kv, clock, sent, answer} = open();
    const first = [kv.get('a', {timeoutMs: 10_000}), kv.store('b', '1', {timeoutMs: 10_000})];
    const ends: string[] = [];
    const note = (name: string, call: Promise<unknown>) =>
      codeOf(call).then((code) => ends.push(`${name} ${String(clock.now())} ${code}`));
    const queued = note('queued', kv.get('c', {timeoutMs: 100}));
    const read = note('read', kv.get('d', {timeoutMs: 200}));
    const write = note('write', kv.store('e', '1', {timeoutMs: 300}));
    const other = note('other', kv.store('f', '1', {timeoutMs: 1_000}));
    const also = note('also', kv.get('g', {timeoutMs: 1_000}));
    await clock.advance(99);
    expect(ends).toEqual([]);
    await clock.advance(1);
    await queued;
    await answer();
    await Promise.all(first);
    expect(sent.slice(2).map(({options}) => options.timeoutMs)).toEqual([900, 900]);
    await clock.advance(100);
    await read;
    await clock.advance(100);
    await write;
    await answer();
    await Promise.all([other, also]);
    expect(ends).toEqual([
      'queued 100 KVI_TIMEOUT',
      'read 200 KVI_TIMEOUT',
      'write 300 KVI_UNKNOWN_OUTCOME',
      'other 300 ok',
      'also 300 ok',
    ]);
  });

  it('that end early hold up nobody who waited for them', async () => {
    const {kv, names} = open();
    const over = new AbortController();
    const sent = codeOf(kv.store('a', '1', {signal: over.signal}));
    const queued = codeOf(kv.store('a', '2', {signal: over.signal}));
    void kv.txn({success: [{type: 'put', key: 'a', value: '3'}]}).catch(() => undefined);
    await settled();
    expect(names()).toEqual(['put a']);
    over.abort();
    expect(await Promise.all([sent, queued])).toEqual(['KVI_ABORTED', 'KVI_ABORTED']);
    await settled();
    expect(names()).toEqual(['put a', 'put a']);
  });

  it('that go alone do not wait for each other', async () => {
    const {kv, names} = open();
    for (const value of ['1', '2', '3'])
      kv.txn({success: [{type: 'put', key: 'a', value}]}).catch(() => undefined);
    await settled();
    expect(names()).toEqual(['put a', 'put a', 'put a']);
  });

  it('keep to the limits of a transaction, whatever they are', async () => {
    const {kv, sent, open: openAll} = open({maxBatchesInFlight: 1});
    const limits = {...defaultLimits, prefixBytes: 0};
    const busy = [kv.get('busy'), kv.store('busy', 'v')];
    const many = Array.from({length: 300}, (_, i) => String(i));
    const nested = (key: string): TxnRequest<string> => ({
      compare: [{key, target: 'version', result: '=', version: 0}],
      success: [
        {type: 'put', key, value: 'v'},
        {type: 'put', key: `${key}/b`, value: 'v'},
      ],
      failure: [
        {type: 'txn', success: Array.from({length: 9}, (_, i) => ({type: 'range', key: `${key}/${i}`}))},
      ],
    });
    const calls = [
      ...many.map((key) => kv.get(`get/${key}`)),
      ...many.map((key) => kv.tas(`tas/${key}`, null, 'v')),
      ...many.map((key) => kv.store(`store/${key}`, 'v')),
      ...many.slice(0, 30).map((key) => kv.txn(nested(`txn/${key}`), {mayShareRevision: true})),
      ...many.slice(0, 5).map((key) => kv.store(`large/${key}`, 'x'.repeat(500_000))),
    ];
    await openAll();
    await Promise.all([...busy, ...calls]);
    for (const {request} of sent) checkTxn(request, limits);
    const sizes = sent.map(({request}) => request.success?.length ?? 1);
    expect(Math.max(...sizes)).toBeGreaterThan(100);
    expect(sent.length).toBeLessThan(60);
    expect((await kv.range({prefix: ''}, {countOnly: true})).count).toBe(1 + 300 + 300 + 60 + 5);
  });

  it('are fewer in a batch where large values are expected', async () => {
    const {kv, sent, open: openAll} = open();
    await openAll();
    for (let i = 0; i < 64; i += 1) await kv.store(String(i), 'x'.repeat(100_000));
    await kv.get('0');
    sent.length = 0;
    await Promise.all(Array.from({length: 64}, (_, i) => kv.get(String(i))));
    for (const {request} of sent) expect(request.success?.length ?? 1).toBeLessThanOrEqual(10);
    sent.length = 0;
    await Promise.all([kv.get('0'), kv.get('1'), kv.getRange({prefix: ''})]);
    // It returns more than anybody can tell.
    expect(sent.map(({request}) => request.success?.length ?? 1)).not.toContain(2);
  });

  it('repeat what is nested in a branch that is never taken, for etcd to check it', async () => {
    const {kv, sent, open: openAll} = open();
    const busy = kv.store('busy', 'v');
    const calls = [kv.tas('a', null, '1'), kv.store('b', '1')];
    await openAll();
    await Promise.all([busy, ...calls]);
    const {request} = sent[1] ?? {};
    expect(request?.compare ?? []).toEqual([]);
    expect(request?.failure).toMatchObject([
      {type: 'put', key: bytes('a')},
      {type: 'range', key: bytes('a')},
    ]);
  });

  it('leave serializable reads as they are: a member without a leader answers no transaction', async () => {
    const {kv, names} = open();
    const reads = ['a', 'b', 'c'].map((key) => kv.get(key, {serializable: true}));
    for (const read of reads) read.catch(() => undefined);
    await settled();
    expect(names()).toEqual(['range a', 'range b', 'range c']);
  });

  it('are resolved one by one after a batch of unknown outcome', async () => {
    const {kv, names, answer, fail, open: openAll} = open({onUnknownOutcome: 'resolve'});
    const ready = kv.store('ready', 'v');
    // The lease of its outcome key, and itself.
    for (let n = 0; n < 3; n += 1) await answer();
    await ready;
    const busy = kv.store('z', 'v');
    const calls = [kv.store('a', '1'), kv.tas('b', null, '1'), kv.tas('c', 'x', '1')];
    const codes = Promise.all(calls.map(codeOf));
    await settled();
    await answer();
    await busy;
    expect(names().at(-1)).toMatch(/^txn .*, txn .*, txn .*/);
    await fail(new KviError('KVI_UNKNOWN_OUTCOME', 'made to fail'));
    await openAll();
    // Nothing was applied, which each finds out by itself.
    expect(new Set(await codes)).toEqual(new Set(['KVI_UNAVAILABLE']));
    expect(await kv.getRange('a', 'd')).toEqual([]);
  });

  it('that wait are refused when the driver closes', async () => {
    const {driver, fail, open: openAll} = open();
    const first = codeOf(driver.range({key: bytes('a')}));
    const queued = codeOf(driver.range({key: bytes('b')}));
    const closing = driver.close();
    expect(await queued).toBe('KVI_CLOSED');
    await closing;
    await fail(new KviError('KVI_CLOSED', 'closed'));
    expect(await first).toBe('KVI_CLOSED');
    await openAll();
    expect(await codeOf(driver.range({key: bytes('c')}))).toBe('KVI_CLOSED');
  });

  it.each([{maxBatchesInFlight: 0}, {maxTxnOps: 0}, {maxRequestBytes: 1.5}])('refuse %j', (options) => {
    expect(() => coalesced(new MemStore().driver(), options)).toThrow('must be a whole number above 0');
  });
});
