import type {Member} from '../cluster/members.ts';
import {status} from '../wire/etcd.ts';
import type {UnaryCalls} from './unary.ts';

/** How long a member may take to tell its version. */
const timeoutMs = 5_000;

/** Asks a member for the version of its etcd: `3.5.30`. */
export async function serverVersion(call: UnaryCalls, on: Member): Promise<string> {
  const {version} = await call(
    {
      write: false,
      withoutLeader: true,
      describe: () => `ask ${on.name} for its version`,
      on,
      body: (send) => send(status, {}),
    },
    {timeoutMs},
  );
  return version;
}
