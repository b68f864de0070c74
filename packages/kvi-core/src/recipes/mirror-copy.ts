import type {Kvi} from '../api/kvi.ts';
import type {CallTime} from '../async/call-time.ts';
import {retryUntil} from '../async/retry-until.ts';
import {type Bytes, compareBytes} from '../etcd/bytes.ts';
import {isKviError} from '../etcd/errors.ts';
import {prefixRange} from '../etcd/key-range.ts';
import {noLease} from '../etcd/lease-id.ts';
import type {KeyValue} from '../etcd/messages.ts';
import {textDecoder} from '../kvi/codec.ts';
import type {Handle} from '../kvi/handle.ts';
import {mayPass} from '../primitives/contender.ts';
import {importWrites} from './import-writes.ts';
import {keyReader} from './key-reader.ts';
import type {MirrorPlan} from './mirror-checkpoint.ts';

/** What is copied, and how. */
interface Copy {
  from: Kvi<Bytes>;
  to: Kvi<Bytes>;
  source: Handle;
  target: Handle;
  plan: MirrorPlan & {checkpoint: Bytes; onCompared: (() => void) | undefined};
  rebase: (key: Bytes) => Bytes;
  time: CallTime;
}

/**
 * Makes the target what the source is at a revision: reads both side by side, and writes what differs. Begins again when that
 * revision is compacted meanwhile, or whatever may pass keeps it from going on.
 *
 * @returns the revision, and how many keys it wrote or deleted
 */
export async function mirrorCopy(copy: Copy): Promise<{revision: number; keys: number}> {
  const {clock} = copy.source.driver;
  let keys = 0;
  return copy.time.run((ended) =>
    retryUntil(
      clock,
      ended,
      async () => {
        const {revision} = await copy.source.driver.range(
          {key: copy.plan.checkpoint, keysOnly: true},
          {signal: ended},
        );
        await copyAt(revision, copy, (written) => (keys += written), ended);
        return {revision, keys};
      },
      (error) => mayPass(error) || isKviError(error, 'KVI_COMPACTED', 'KVI_CONFLICT'),
    ),
  );
}

async function copyAt(
  revision: number,
  {from, to, target, plan, rebase, time}: Copy,
  onWritten: (keys: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const wanted = keyReader(from, prefixRange(plan.from), {revision, signal});
  const present = keyReader(to, prefixRange(plan.into), {signal});
  const writes = importWrites({
    store: to,
    handle: target,
    decoder: textDecoder,
    time,
    writeOptions: {signal},
    dryRun: false,
    leased: true,
    overwriteLeased: true,
    onChange: undefined,
  });

  async function deleteUntil(key?: Bytes): Promise<void> {
    for await (const found of present.until(key)) await remove(found);
  }

  async function remove(found: KeyValue<Bytes>): Promise<void> {
    if (compareBytes(found.key, plan.checkpoint) === 0) return;
    await writes.add({key: found.key, wanted: undefined, present: {...found, value: Buffer.alloc(0)}});
  }

  try {
    for await (const {key: sourceKey, value, lease} of wanted.until()) {
      plan.onCompared?.();
      if (lease !== noLease && !plan.leased) continue;
      const key = rebase(sourceKey);
      await deleteUntil(key);
      await writes.add({key, wanted: {value, isLeased: false}, present: await present.at(key)});
    }
    await deleteUntil();
    await writes.flush();
  } finally {
    const {created, changed, deleted} = writes.counts;
    onWritten(created + changed + deleted);
  }
}
