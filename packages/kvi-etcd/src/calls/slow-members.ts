import {onAbort, sleep, systemClock} from 'kvi-core/driver';
import type {Authenticator} from '../cluster/authenticator.ts';
import type {Member, Members} from '../cluster/members.ts';
import {range} from 'kvi-wire';
import {isPermissionDenied} from '../failures/kvi-errors.ts';

const anyKey = Buffer.of(0);

/**
 * Finds out whether a member that leaves a call unanswered is slower than another, and demotes it if it is. It may be the
 * call that takes long, or the whole cluster: then it is no use to ask another member.
 *
 * @param serializable - whether the call is one that a member answers from its own state
 * @returns whether the member is slower
 */
export type ExamineMember = (member: Member, serializable: boolean) => Promise<boolean>;

/** How much later than the other a member may answer, in milliseconds. */
const graceMs = 500;

/** How long an examination may take. */
const timeoutMs = 5_000;

/** Sends the same small read to the member and to another. One examination serves all calls that wait for the member. */
export function examineMembers(members: Members, auth: Authenticator): ExamineMember {
  const linearizable = new Map<Member, Promise<boolean>>();
  const serializable = new Map<Member, Promise<boolean>>();

  async function isSlower(member: Member, isSerializable: boolean): Promise<boolean> {
    const other = members.other(member);
    if (other === undefined) return false;
    const over = new AbortController();
    const timer = systemClock.setTimer(timeoutMs, () => over.abort()).unref();
    try {
      const own = answers(member, isSerializable, over.signal);
      if (!(await answers(other, isSerializable, over.signal))) return false;
      const isLate = sleep(systemClock, graceMs, over.signal).then(
        () => false,
        () => false,
      );
      if (await Promise.race([own, isLate])) return false;
      members.demote(member, `it did not answer within ${graceMs} ms of another`);
      return true;
    } finally {
      timer.cancel();
      over.abort();
    }
  }

  function answers(member: Member, isSerializable: boolean, over: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const {headers} = auth;
      if (headers === undefined) {
        resolve(false);
        return;
      }
      const sent = member.connection.call(
        range,
        {key: anyKey, countOnly: true, serializable: isSerializable},
        isSerializable ? headers.any : headers.requireLeader,
        () => resolve(true),
        (error) => resolve(isPermissionDenied(error)),
      );
      onAbort(over, () => sent.cancel());
    });
  }

  return (member, isSerializable) => {
    const running = isSerializable ? serializable : linearizable;
    const examination =
      running.get(member) ?? isSlower(member, isSerializable).finally(() => running.delete(member));
    running.set(member, examination);
    return examination;
  };
}
