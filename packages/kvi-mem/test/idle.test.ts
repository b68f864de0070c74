import {expect, it} from '@jest/globals';
import {createKvi} from 'kvi-core';
import {MemStore} from 'kvi-mem';
import {setImmediate as otherWorkDone} from 'node:timers/promises';
import {HandClock} from './hand-clock.ts';

it('A store on which nobody waits has nothing scheduled, and keeps no process alive', async () => {
  await otherWorkDone();
  const before = process.getActiveResourcesInfo();
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
  await otherWorkDone();
  expect(clock.pending).toBe(0);
  expect(process.getActiveResourcesInfo()).toEqual(before);
});
