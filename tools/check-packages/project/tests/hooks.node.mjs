/** For node:test: the second test finds the store empty again. */
import assert from 'node:assert/strict';
import {it} from 'node:test';
import {open} from 'kvi';

it('stores', async () => {
  const kv = await open('mem:');
  await kv.store('k', 'v');
  await kv.close();
});

it('begins with an empty store', async () => {
  const kv = await open('mem:');
  assert.equal(await kv.get('k'), undefined);
  await kv.close();
});
