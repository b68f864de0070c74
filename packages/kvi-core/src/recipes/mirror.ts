import type {ChangeSet} from '../api/changes.ts';
import type {Kvi} from '../api/kvi.ts';
import {callTime} from '../async/call-time.ts';
import {retryUntil} from '../async/retry-until.ts';
import {checkBoolean, checkFunction, showValue} from '../etcd/bad-input.ts';
import {type Bytes, compareBytes, encode, type Input, show} from '../etcd/bytes.ts';
import {invalidArgument, isKviError} from '../etcd/errors.ts';
import {includesKey, joinKey, overlap, prefixRange} from '../etcd/key-range.ts';
import {noLease} from '../etcd/lease-id.ts';
import type {RequestOp} from '../etcd/messages.ts';
import type {Handle} from '../kvi/handle.ts';
import {insideOf} from '../kvi/inside.ts';
import {mayPass} from '../primitives/contender.ts';
import {mirrorCopy} from './mirror-copy.ts';
import {openCheckpoint} from './mirror-checkpoint.ts';

/** Options of {@link mirrorKeys}. */
export interface MirrorKeysOptions {
  /** The prefix that takes the place of the source's. Default: the keys stay as they are. */
  into?: Input | undefined;
  /** The key of the target that tells how far the mirror has got. No key of the source may become it. */
  checkpoint: Input;
  /** Mirror keys under leases too, without a lease. Default false: to a mirror, they do not exist. */
  leased?: boolean | undefined;
  /** Called for each key of the source that a copy has compared: for a progress bar. What it throws ends the mirror. */
  onCompared?: (() => void) | undefined;
  /** Ends it with `KVI_ABORTED`. What was written stays, and the next mirror goes on from there. */
  signal?: AbortSignal | undefined;
}

/** What a mirror has done. */
export interface MirrorStep {
  /** `copy`: it made the target what the source was; `changes`: it repeated a revision of the source. */
  type: 'copy' | 'changes';
  /** The target is what the source was at this revision. */
  revision: number;
  /** How many keys were written or deleted. */
  keys: number;
}

const mirrorOptionNames = Object.keys({
  into: true,
  checkpoint: true,
  leased: true,
  onCompared: true,
  signal: true,
} satisfies Record<keyof MirrorKeysOptions, true>);

/**
 * Keeps the keys with a prefix in another store, or elsewhere in the same one, as they are in the source. It compares
 * everything first, unless it finds its checkpoint, and then repeats each revision of the source in one transaction with
 * the checkpoint. Where a revision does not fit, it takes several, and the checkpoint says meanwhile that the target is partial.
 *
 * Each step is made when the one before was read: read them, for example to print them. It rides out whatever may pass, on
 * either side, and compares everything again when changes were compacted that it has not seen, or the source is another
 * cluster. Keys of the target below `into` that the source does not have are deleted.
 *
 * ```ts
 * for await (const {revision} of mirrorKeys(source, target, {prefix: 'app/'}, {into: 'copy/', checkpoint: 'mirrors/app'})) {
 *   console.log(`as of revision ${revision}`);
 * }
 * ```
 *
 * To end it, leave the loop, or abort the signal. Ends with `KVI_ABORTED` or `KVI_CLOSED`; `KVI_CONFLICT` if another mirror
 * writes the same checkpoint; `KVI_INVALID_ARGUMENT` for a checkpoint of another mirror, a key that becomes too large, or that
 * of the checkpoint; `KVI_PERMISSION_DENIED` or `KVI_UNAUTHENTICATED`.
 *
 * @param keys - `{prefix}`, which may be empty
 * @throws `KVI_INVALID_ARGUMENT` at once, also if source and target are the same store and overlap
 */
export function mirrorKeys(
  source: Kvi<Input>,
  target: Kvi<Input>,
  keys: {prefix: Input},
  options: MirrorKeysOptions,
): AsyncGenerator<MirrorStep, undefined> {
  const {handle} = insideOf(source);
  const {handle: targetHandle} = insideOf(target);
  const plan = handle.begin<MirrorKeysOptions, Mirror>(options, mirrorOptionNames, (own) => {
    if (typeof keys !== 'object' || keys === null || !('prefix' in keys)) {
      throw invalidArgument(`keys must be {prefix}, not ${showValue(keys)}`);
    }
    if (own?.checkpoint === undefined) throw invalidArgument('pass the key of the checkpoint: {checkpoint}');
    const from = encode(keys.prefix, 'prefix');
    const into = own.into === undefined ? from : encode(own.into, 'into');
    const checkpoint = encode(own.checkpoint, 'checkpoint');
    if (checkpoint.length === 0) throw invalidArgument('the key of the checkpoint is empty');
    const {leased = false, onCompared, signal} = own;
    checkBoolean('leased', leased);
    if (onCompared !== undefined) checkFunction('onCompared', onCompared);
    return {from, into, checkpoint, leased, onCompared, signal};
  });
  return mirror(source.bytes, target.bytes, {...plan, source: handle, target: targetHandle});
}

interface Mirror {
  from: Bytes;
  into: Bytes;
  checkpoint: Bytes;
  leased: boolean;
  onCompared: (() => void) | undefined;
  signal: AbortSignal | undefined;
}

async function* mirror(
  from: Kvi<Bytes>,
  to: Kvi<Bytes>,
  own: Mirror & {source: Handle; target: Handle},
): AsyncGenerator<MirrorStep, undefined> {
  const {source, target, signal, leased} = own;
  const {clock} = source.driver;
  const time = callTime(clock, {signal, closing: [...source.closing, ...target.closing]});
  const rebase = (key: Bytes) => rebased(key, own);

  async function clusterOf({driver}: Handle): Promise<string> {
    const {clusterId} = await time.run((ended) =>
      retryUntil(clock, ended, () => driver.status({signal: ended}), mayPass),
    );
    return clusterId;
  }

  const cluster = await clusterOf(source);
  checkApart(own, cluster === (await clusterOf(target)));
  const checkpoint = await openCheckpoint(target, own.checkpoint, own, time);

  /** Whether it can go on from its checkpoint. */
  async function isCurrent(): Promise<boolean> {
    const {cluster: known, revision} = checkpoint.state;
    if (revision === 0 || known !== cluster) return false;
    const {revision: present} = await time.run((ended) =>
      retryUntil(
        clock,
        ended,
        () => source.driver.range({key: own.from.length > 0 ? own.from : smallestKey, keysOnly: true}),
        mayPass,
      ),
    );
    return present >= revision;
  }

  async function copy(): Promise<MirrorStep> {
    await checkpoint.write([], {cluster, revision: 0, partial: true});
    const {revision, keys} = await mirrorCopy({from, to, source, target, plan: own, rebase, time});
    await checkpoint.write([], {cluster, revision, partial: false});
    return {type: 'copy', revision, keys};
  }

  /** Repeats the changes since the checkpoint, until some are missing. */
  async function* follow(): AsyncGenerator<MirrorStep, undefined> {
    const startRevision = checkpoint.state.revision + 1;
    const changes = from.changes({prefix: own.from}, {startRevision, progressNotify: true, signal});
    try {
      for await (const set of changes) yield await repeat(set);
    } catch (error) {
      if (!isKviError(error, 'KVI_COMPACTED', 'KVI_SLOW_CONSUMER')) throw error;
      if (error.code === 'KVI_COMPACTED') await checkpoint.write([], {cluster, revision: 0, partial: true});
    }
  }

  async function repeat({revision, events}: ChangeSet<Bytes>): Promise<MirrorStep> {
    const ops = events.map((event): RequestOp<Bytes> => {
      const key = rebase(event.key);
      // A key that is put under a lease is one that ends with it.
      const isThere = event.type === 'put' && (leased || event.lease === noLease);
      return isThere ? {type: 'put', key, value: event.value} : {type: 'deleteRange', key};
    });
    await checkpoint.write(ops, {cluster, revision, partial: false});
    return {type: 'changes', revision, keys: ops.length};
  }

  for (;;) {
    if (!(await isCurrent())) yield await copy();
    yield* follow();
  }
}

const smallestKey: Bytes = Uint8Array.of(0);

/** @throws `KVI_INVALID_ARGUMENT` */
function rebased(key: Bytes, {from, into, checkpoint}: Mirror): Bytes {
  const own = joinKey(into, key.subarray(from.length));
  if (compareBytes(own, checkpoint) === 0) {
    throw invalidArgument(`the key ${show(key)} of the source would become the checkpoint of its mirror`);
  }
  return own;
}

/** A mirror that writes what it reads would never end. */
function checkApart(
  {source, target, from, into, checkpoint}: Mirror & {source: Handle; target: Handle},
  isSameStore: boolean,
): void {
  if (!isSameStore) return;
  const read = prefixRange(joinKey(source.prefix, from));
  const written = prefixRange(joinKey(target.prefix, into));
  if (overlap(read, written) || includesKey(read, joinKey(target.prefix, checkpoint))) {
    throw invalidArgument(
      'source and target are in the same store, and the mirror would read what it writes',
    );
  }
}
