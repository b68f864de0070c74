/** A service to be bundled: uses both backends, and says so. */
import {open} from 'kvi';

async function use(url) {
  const kv = await open(url);
  const watched = kv.watch('bundle');
  await kv.store('bundle', 'v');
  const {value} = await watched;
  if (value !== 'v' || (await kv.get('bundle')) !== 'v') throw new Error('another value');
  const lock = await kv.distLock('bundle-lock');
  await lock.release();
  await kv.close();
}

async function main() {
  await use('mem:');
  await use(process.env.KVI_CHECK_URL);
  console.log('used both');
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
