import type {Alarm} from 'kvi-core/driver';
import {etcdErrors} from 'kvi-wire';
import {Refusal} from '../grpc/refusal.ts';

/** The alarms of the server, and the quota that raises one of them. */
export interface Alarms {
  /** Those that are raised. */
  readonly raised: ReadonlySet<Alarm['type']>;
  raise(type: Alarm['type']): void;
  /** @returns whether it was raised */
  disarm(type: Alarm['type']): boolean;
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
 */
export function createAlarms(quotaBytes: number): Alarms {
  const raised = new Set<Alarm['type']>();
  let bytes = 0;

  return {
    raised,
    raise: (type) => void raised.add(type),
    disarm: (type) => raised.delete(type),
    beforeCall() {
      if (raised.has('corrupt')) throw new Refusal(etcdErrors.corrupt);
    },
    beforeWrite(size) {
      if (raised.has('noSpace')) throw new Refusal(etcdErrors.noSpace);
      if (bytes + size > quotaBytes) {
        raised.add('noSpace');
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
