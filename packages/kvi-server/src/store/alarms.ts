import type {Alarm} from 'kvi-core/driver';
import {etcdErrors} from 'kvi-wire';
import {Refusal} from '../grpc/refusal.ts';

/** The alarms of the server, and the quota that raises one of them. */
export interface Alarms {
  /** Those that are raised, each for the member that it was raised for: any, and 0 for none in particular. */
  readonly raised: readonly Alarm[];
  raise(alarm: Alarm): void;
  /** @returns whether it was raised */
  disarm(alarm: Alarm): boolean;
  /** Before a write of so many bytes, which is refused if it exceeds the quota. @throws Refusal */
  beforeWrite(bytes: number): void;
  /** Before any call, which a corrupt store refuses. @throws Refusal */
  beforeCall(): void;
  /** How many bytes the database has taken, as far as the server has seen it grow. */
  readonly bytes: number;
  /** Gives back the space of what is no longer there. @param live - the bytes that are in use */
  defragmented(live: number): void;
}

/**
 * etcd's database grows with each write until it is defragmented; so does this count.
 *
 * @param quotaBytes - when the alarm is raised
 * @param memberId - for whom
 */
export function createAlarms(quotaBytes: number, memberId: () => string): Alarms {
  let raised: readonly Alarm[] = [];
  let bytes = 0;

  function isRaised(type: Alarm['type']): boolean {
    return raised.some((alarm) => alarm.type === type);
  }

  function disarm(alarm: Alarm): boolean {
    const left = raised.filter((each) => each.type !== alarm.type || each.memberId !== alarm.memberId);
    const wasRaised = left.length < raised.length;
    raised = left;
    return wasRaised;
  }

  function raise(alarm: Alarm): void {
    disarm(alarm);
    raised = [...raised, alarm];
  }

  return {
    get raised() {
      return raised;
    },
    raise,
    disarm,
    beforeCall() {
      if (isRaised('corrupt')) throw new Refusal(etcdErrors.corrupt);
    },
    beforeWrite(size) {
      if (isRaised('noSpace')) throw new Refusal(etcdErrors.noSpace);
      if (bytes + size > quotaBytes) {
        raise({memberId: memberId(), type: 'noSpace'});
        throw new Refusal(etcdErrors.noSpace);
      }
      bytes += size;
    },
    get bytes() {
      return bytes;
    },
    defragmented(live) {
      bytes = live;
    },
  };
}
