import {type Driver, isKviError, type StatusResponse} from 'kvi';

/** What is wrong with a cluster that answers. */
export interface Trouble {
  reason: string;
  remedy: string;
}

/** @returns undefined for a cluster that has a leader and no alarm */
export function troubleOf({leader, alarms}: StatusResponse): Trouble | undefined {
  if (leader === '0') {
    return {reason: 'it has no leader', remedy: 'Start members until more than half of them run.'};
  }
  const [alarm] = alarms;
  if (alarm === undefined) return undefined;
  const remedy = {
    noSpace: 'Compact, defragment, then disarm the alarm: etcdctl alarm disarm.',
    corrupt: 'Remove the member from the cluster, and add it again.',
  }[alarm.type];
  return {reason: `alarm ${alarm.type} of member ${alarm.memberId}`, remedy};
}

/** Reads a key, which a majority has to agree on. Where the user may not read it, the refusal is an answer too. */
export async function readFromMajority(driver: Driver, timeoutMs: number): Promise<void> {
  try {
    await driver.range({key: Buffer.from('health'), keysOnly: true}, {timeoutMs});
  } catch (error) {
    if (!isKviError(error, 'KVI_PERMISSION_DENIED')) throw error;
  }
}
