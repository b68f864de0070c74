import type {Bytes} from '../etcd/bytes.ts';
import type {Kvi} from '../api/kvi.ts';
import {underTimedLease} from '../lease/timed-lease.ts';
import {afterFailure, type QueueContext} from './queue-context.ts';
import {type HiddenState, hiddenStates, type Job} from './queue-layout.ts';
import {type Fate, rescuing} from './queue-moves.ts';

/** Jobs that are put back at once. */
const atOnce = 32;

/**
 * Puts back every job that is hidden though nothing holds it any more: its delay is over, or its consumer was lost. Whatever
 * is read here may be out of date; the transactions compare it.
 *
 * @returns how many there were
 */
export async function putOrphansBack(
  context: QueueContext,
  kv: Kvi<Bytes>,
  signal: AbortSignal,
): Promise<number> {
  const {layout, handle} = context;

  async function orphansOf(hidden: HiddenState): Promise<Job[]> {
    const read = (folder: 'hidden' | 'holds', keysOnly: boolean) => {
      const {key: start, rangeEnd: end} = layout.all(`${folder}/${hidden}`);
      return kv.range({start, end}, {keysOnly, signal});
    };
    const jobs = await read('hidden', false);
    const holds = await read('holds', true);
    const held = new Set(holds.kvs.map(({key}) => layout.idOf(`holds/${hidden}`, key)));
    return jobs.kvs.map((entry) => layout.jobOf(`hidden/${hidden}`, entry)).filter(({id}) => !held.has(id));
  }

  async function putBack(hidden: HiddenState, job: Job): Promise<void> {
    const {record, fate} = comeBack(hidden, job);
    const move = rescuing(layout, hidden, {...job, record}, fate.state);
    await underTimedLease(
      handle.driver,
      fate.seconds,
      (grant) => grant(signal),
      (lease) => handle.driver.txn(move(lease), {signal}),
    );
  }

  function comeBack(hidden: HiddenState, {record}: Job): {record: Job['record']; fate: Fate} {
    return hidden === 'delayed'
      ? {record, fate: {state: 'ready', seconds: 0}}
      : afterFailure(record, {reason: 'its consumer was lost'}, context.maxAttempts);
  }

  let count = 0;
  for (const hidden of hiddenStates) {
    const orphans = await orphansOf(hidden);
    count += orphans.length;
    for (let i = 0; i < orphans.length; i += atOnce) {
      await Promise.all(orphans.slice(i, i + atOnce).map((job) => putBack(hidden, job)));
    }
  }
  return count;
}
