import {describe, expect, it} from '@jest/globals';
import {getEventListeners} from 'node:events';
import {createKvi, type Kvi} from 'kvi-core';
import {modelDriver} from 'kvi-contract';
import {election, namespace, register, typed, utf8} from 'kvi-core/recipes';
import {insideOf} from '../src/kvi/inside.ts';

/** How many things a handle has to give up when it closes. */
function holdingsOf(kv: Kvi): number {
  return insideOf(kv).handle.holdings.size;
}

function open(): Kvi {
  return createKvi(modelDriver());
}

async function untilNothingIsHeld(kv: Kvi): Promise<void> {
  while (holdingsOf(kv) > 0) await new Promise(setImmediate);
}

function abortOf(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener('abort', resolve, {once: true}));
}

describe('What a handle has to give up when it closes', () => {
  it('is no leadership that was lost, though nobody resigned', async () => {
    await using kv = open();
    const leadership = await election(kv, 'e').campaign('v');
    expect(holdingsOf(kv)).toBe(1);
    const lost = abortOf(leadership.signal);
    await kv.delete(leadership.key);
    await lost;
    await untilNothingIsHeld(kv);
    expect(await kv.leases()).toEqual([]);
  });

  it('is no registration that was replaced, though nobody closed it', async () => {
    await using kv = open();
    for (let metadata = 0; metadata < 20; metadata += 1) {
      const lost = await register(kv, 'checkout', {addr: 'a:1', metadata});
      const told = abortOf(lost.signal);
      await using _next = await register(kv, 'checkout', {addr: 'a:1', metadata: 'next'});
      await told;
    }
    await untilNothingIsHeld(kv);
  });

  it('is no temporary key that somebody deleted, though nobody closed it, nor any of those who shared it', async () => {
    await using kv = open();
    const users = [await kv.tempKey('t'), await kv.tempKey('t')];
    const told = Promise.all(users.map(({signal}) => abortOf(signal)));
    expect(holdingsOf(kv)).toBe(2);
    await kv.delete('t');
    await told;
    await untilNothingIsHeld(kv);
    for (const user of users) await user.close();
    expect(await kv.get('t')).toBeUndefined();
  });

  it('is no lease that has ended, and no call that failed', async () => {
    await using kv = open();
    const lease = await kv.lease();
    await using _lock = await kv.distLock('l', {lease});
    await expect(kv.distTimedLock(0, 'l')).rejects.toMatchObject({code: 'KVI_TIMEOUT'});
    await expect(election(kv, 'l').campaign('v', {timeoutMs: 1})).rejects.toMatchObject({
      code: 'KVI_TIMEOUT',
    });
    expect(holdingsOf(kv)).toBe(2);
    await lease.revoke();
    await untilNothingIsHeld(kv);
  });

  it('is a namespace as long as something is open in it, and not the thousand that a service makes for its requests', async () => {
    await using kv = open();
    for (let tenant = 0; tenant < 1_000; tenant += 1) {
      await namespace(kv, `${tenant}/`).store('k', 'v');
    }
    expect(holdingsOf(kv)).toBe(0);
    const part = namespace(namespace(kv, 'n/'), 'm/');
    const opened = [
      () => part.lease(),
      () => part.distLock('l'),
      () => part.tempKey('t'),
      () => election(part, 'e').campaign('v'),
    ];
    for (const openOne of opened) {
      await using _held = await openOne();
      expect(holdingsOf(kv)).toBe(1);
    }
    await untilNothingIsHeld(kv);
  });
});

describe('A namespace that its handle does not know of', () => {
  it('ends its waits with the handle, and takes no calls then', async () => {
    const kv = open();
    const part = namespace(namespace(kv, 'n/'), 'm/');
    const updating = typed(part, utf8).update('k', () => new Promise(() => undefined));
    const watching = part.watch('k');
    const changes = part.changes('k');
    await changes.created;
    expect(holdingsOf(kv)).toBe(0);
    const ends = Promise.allSettled([updating, watching, changes.next()]);
    await kv.close();
    expect(await ends).toMatchObject(
      ['KVI_CLOSED', 'KVI_CLOSED', 'KVI_CLOSED'].map((code) => ({status: 'rejected', reason: {code}})),
    );
    await expect(part.get('k')).rejects.toMatchObject({code: 'KVI_CLOSED'});
    expect(() => namespace(part, 'o/')).toThrow(expect.objectContaining({code: 'KVI_CLOSED'}));
  });
});

describe('A signal that was passed for changes in a namespace', () => {
  it.each([
    ['the namespace closes', (part: Kvi) => part.close()],
    ['the handle closes', (_: Kvi, kv: Kvi) => kv.close()],
  ])('has no listeners once %s, though nobody reads them', async (_, end) => {
    await using kv = open();
    const part = namespace(kv, 'n/');
    const {signal} = new AbortController();
    const changes = part.changes('k', {signal});
    await changes.created;
    expect(getEventListeners(signal, 'abort').length).toBeGreaterThan(0);
    await end(part, kv);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
