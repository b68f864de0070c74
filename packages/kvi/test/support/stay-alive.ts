/**
 * Leaves something of a handle open: `stay-alive.ts URL WHAT`. Says what keeps the process alive then, and when it ends by
 * itself, which Node tells by `beforeExit`.
 */
import {open} from 'kvi';

const [url = '', what = ''] = process.argv.slice(2);
const kv = await open(url);
await kv.store('alive/k', 'v');

const openings: Record<string, () => Promise<unknown>> = {
  nothing: () => Promise.resolve(),
  'nothing any more': async () => {
    const changes = kv.changes('alive/k');
    await changes.created;
    await changes.return?.();
    await (await kv.lease({ttlSeconds: 10})).revoke();
    await (await kv.distLock('alive/lock')).release();
    await kv.delete('alive/k');
  },
  changes: async () => {
    const changes = kv.changes('alive/k');
    await changes.created;
    void changes.next();
  },
  watch: async () => {
    void kv.watch('alive/k');
    await kv.get('alive/k');
  },
  watchWithCB: () => kv.watchWithCB('alive/k', 'put', () => undefined),
  lock: () => kv.distLock('alive/lock'),
  waiting: async () => {
    await kv.distLock('alive/lock');
    void kv.distLock('alive/lock');
  },
  tempKey: () => kv.tempKey('alive/temp'),
};

await openings[what]?.();
process.once('beforeExit', () => {
  process.stdout.write('"over"\n');
});
const timer = setTimeout(() => {
  // Still here, and not because of this timer, which keeps nothing.
  process.stdout.write('"alive"\n', () => process.exit());
}, 300);
timer.unref();
