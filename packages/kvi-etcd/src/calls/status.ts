import type {Alarm, DriverCallOptions, StatusResponse} from 'kvi-core/driver';
import {memberList, revisionOf, status as statusMethod} from 'kvi-wire';
import type {UnaryCalls} from './unary.ts';

/** Asks a member what it knows of itself and its cluster. It tells, with or without a leader. */
export async function status(call: UnaryCalls, limits?: DriverCallOptions): Promise<StatusResponse> {
  const [own, {members}] = await call(
    {
      write: false,
      withoutLeader: true,
      describe: () => 'ask for the status',
      // One after the other, so that both come from the same member.
      body: async (send) => [await send(statusMethod, {}), await send(memberList, {})] as const,
    },
    limits,
  );
  const {header, version, dbSize, dbSizeInUse, dbSizeQuota, leader, errors} = own;
  return {
    revision: revisionOf(header),
    clusterId: header?.clusterId ?? '0',
    memberId: header?.memberId ?? '0',
    raftTerm: header?.raftTerm ?? 0,
    leader,
    version,
    dbSize,
    dbSizeInUse,
    ...(dbSizeQuota > 0 ? {dbSizeQuota} : {}),
    members,
    alarms: errors.flatMap(parseAlarm),
  };
}

/**
 * The alarms are among the errors, as protobuf prints them: `memberID:10276657743932975437 alarm:NOSPACE`. To ask for them
 * by themselves takes a leader, whose absence is one of the other errors.
 *
 * @see `Status` in etcd's server/etcdserver/api/v3rpc/maintenance.go
 */
function parseAlarm(error: string): Alarm[] {
  const [, member, name] = /^memberID:(\d+) alarm:(NOSPACE|CORRUPT)\s*$/.exec(error) ?? [];
  if (member === undefined) return [];
  return [{memberId: BigInt(member).toString(16), type: name === 'NOSPACE' ? 'noSpace' : 'corrupt'}];
}
