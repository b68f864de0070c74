/** For jest and vitest with a simulated DOM, whose `AbortSignal`, timers and, in part, `Uint8Array` are not Node's. */
import {open} from 'kvi';

it.each(['mem:', process.env.KVI_CHECK_URL])('kvi works on %s', async (url) => {
  const kv = await open(url);
  const controller = new AbortController();
  const options = {signal: controller.signal};
  await kv.store('dom', Uint8Array.of(118), options);
  expect(await kv.get('dom')).toBe('v');

  const watch = kv.watch('dom', options);
  const lock = await kv.distLock('dom-lock', options);
  expect(lock.signal.aborted).toBe(false);
  const lost = new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
  await kv.delete(lock.key);
  await lost;
  expect(lock.signal.aborted).toBe(true);
  await lock.release().catch(() => undefined);

  controller.abort();
  await expect(watch).rejects.toMatchObject({code: 'KVI_ABORTED'});
  await expect(kv.get('dom', options)).rejects.toMatchObject({code: 'KVI_ABORTED'});
  const temp = await kv.tempKey('dom-temp');
  await temp.close();
  await kv.close();
});
