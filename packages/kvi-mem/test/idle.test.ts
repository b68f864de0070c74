import {expect, it} from '@jest/globals';
import {createKvi} from 'kvi-core';
import {MemStore} from 'kvi-mem';
import {setImmediate as turn} from 'node:timers/promises';
import {HandClock} from './hand-clock.ts';

it('A store on which nobody waits has nothing scheduled', async () => {
  const clock = new HandClock();
  await using kv = createKvi(new MemStore({clock}).driver());
  for (const key of ['a', 'b', 'c']) await kv.store(key, key);
  await kv.getRange({prefix: ''});
  await kv.delete('a');
  const changes = kv.changes({prefix: ''}, {progressNotify: true});
  await changes.created;
  expect(clock.pending).toBe(1);
  await changes.return?.();
  const lease = await kv.lease({ttlSeconds: 10});
  await lease.revoke();
  await turn();
  expect(clock.pending).toBe(0);
});
