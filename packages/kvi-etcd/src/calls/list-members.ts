import type {Answer} from '../cluster/membership.ts';
import type {Member} from '../cluster/members.ts';
import {memberList} from 'kvi-wire';
import type {UnaryCalls} from './unary.ts';

/** How long a member may take to list the members. */
const timeoutMs = 5_000;

/** Asks one member for the members of its cluster. A member without a leader does not answer. */
export async function listMembers(call: UnaryCalls, on: Member): Promise<Answer> {
  const {header, members} = await call(
    {
      write: false,
      describe: () => `list the members known to ${on.name}`,
      on,
      body: (send) => send(memberList, {linearizable: true}),
    },
    {timeoutMs},
  );
  return {clusterId: header?.clusterId ?? '', memberId: header?.memberId ?? '', members};
}
