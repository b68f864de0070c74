/**
 * Has everything under way that a handle can have, then closes it and says how the calls ended: `close-anywhere.ts URL`. It
 * ends by itself, if nothing is left.
 */
import {once} from 'node:events';
import {isKviError, open} from 'kvi';

const [url = ''] = process.argv.slice(2);
// The calls have more time than the test: only `close` ends them.
const kv = await open(url, {timeoutMs: 3_600_000, onUnknownOutcome: 'resolve'});
await kv.store('close/k', 'v');
await kv.distLock('close/held', {ttlSeconds: 1});
await kv.tempKey('close/temp', {ttlSeconds: 1});
await kv.watchWithCB('close/k', 'put', () => undefined);
const changes = kv.changes('close/k');
await changes.created;
process.stdout.write('"ready"\n');

// The backend is frozen, or well, when the line comes.
await once(process.stdin, 'data');
process.stdin.destroy();
const calls = [
  changes.next(),
  kv.watch('close/k'),
  kv.distLock('close/held'),
  kv.distLock('close/other', {ttlSeconds: 1}),
  kv.tempKey('close/late', {ttlSeconds: 1}),
  kv.get('close/k'),
  kv.getRange({prefix: 'close/'}),
  kv.tas('close/k', 'v', 'w'),
  kv.store('close', 'x', {onUnknownOutcome: 'throw'}),
];
const ended = Promise.allSettled(calls);
await new Promise((resolve) => setTimeout(resolve, 20));
await kv.close();
const codes = (await ended).map((result) => {
  if (result.status === 'fulfilled') return 'done';
  return isKviError(result.reason) ? result.reason.code : String(result.reason);
});
process.stdout.write(`${JSON.stringify(codes)}\n`);
