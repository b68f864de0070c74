/** For jest and vitest: the second test finds the store empty again. */
import {open} from 'kvi';

it('has its matchers', async () => {
  const kv = await open('mem:');
  await kv.store('k', 'v');
  await expect(kv).toHaveKey('k', 'v');
  await kv.close();
});

it('begins with an empty store', async () => {
  const kv = await open('mem:');
  await expect(kv).toHoldExactly({});
  await kv.close();
});
