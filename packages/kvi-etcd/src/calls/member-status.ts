import type {Member} from '../cluster/members.ts';
import {status} from 'kvi-wire';
import type {UnaryCalls} from './unary.ts';

/** What a member says about itself. */
export interface MemberStatus {
  clusterId: string;
  /** Of its etcd: `3.5.30`. */
  version: string;
}

/** How long a member may take to answer. */
const timeoutMs = 5_000;

/** Asks a member about itself. It tells anybody, with or without a leader. */
export async function memberStatus(call: UnaryCalls, on: Member): Promise<MemberStatus> {
  const {header, version} = await call(
    {
      write: false,
      withoutLeader: true,
      describe: () => `ask ${on.name} for its status`,
      on,
      body: (send) => send(status, {}),
    },
    {timeoutMs},
  );
  return {clusterId: header?.clusterId ?? '0', version};
}
