import type {Alarm} from 'kvi-core/driver';
import {alarm, defragment, etcdErrors, hash, hashKv, status} from 'kvi-wire';
import {Refusal} from '../grpc/refusal.ts';
import {type Route, unary} from '../grpc/route.ts';
import {compactRevision} from '../store/compact-revision.ts';
import type {ServiceContext} from '../store/context.ts';
import {revisionNow} from '../store/revision-now.ts';
import {hashKeys, liveBytes} from './hash.ts';
import {unimplementedRoutes} from './unimplemented.ts';

/** The size of an etcd's database that has no keys. */
const emptyDbBytes = 20_480;

/** What the server says of itself. */
export function maintenanceService({
  driver: served,
  identity,
  limits,
  alarms,
  version,
}: ServiceContext): Route[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const hasQuota = Number.isFinite(limits.quotaBackendBytes);
  const is36 = major > 3 || (major === 3 && minor >= 6);

  /** The alarms of the store, and the server's own. */
  function raised(): Alarm[] {
    return [...identity.status.alarms, ...alarms.raised];
  }

  return [
    unary(status, async (_, {driver, limits: within}) => {
      const told = await driver.status(within);
      const {revision, raftTerm, leader, dbSize, dbSizeInUse, dbSizeQuota} = told;
      const size = Math.max(dbSize, hasQuota ? alarms.bytes : 0, emptyDbBytes);
      const quota = hasQuota ? limits.quotaBackendBytes : dbSizeQuota;
      return {
        header: {...identity.header(revision), raftTerm},
        version,
        dbSize: size,
        dbSizeInUse: dbSizeInUse || size,
        leader,
        raftIndex: revision,
        raftAppliedIndex: revision,
        raftTerm,
        errors: raised().map(showAlarm),
        ...(is36
          ? {storageVersion: `${major}.${minor}.0`, dbSizeQuota: quota ?? defaultQuota, downgradeInfo: {}}
          : {}),
      };
    }),

    unary(alarm, async ({action, memberId, alarm: type}, call) => {
      const header = identity.header(await revisionNow(call));
      if (action !== 'get' && call.driver !== served) throw new Refusal(etcdErrors.permissionDenied);
      const listed = raised().filter((each) => type === 'none' || each.type === type);
      if (action === 'get' || type === 'none') return {header, alarms: listed.map(toMember)};
      if (action === 'activate') alarms.raise({memberId, type});
      else if (!alarms.disarm({memberId, type})) return {header, alarms: []};
      return {header, alarms: [{memberId, alarm: type}]};
    }),

    unary(defragment, async (_, {driver, limits: within}) => {
      // Stores have nothing to defragment; what counts against the quota is what they still have.
      if (hasQuota && driver === served) alarms.defragmented(await liveBytes(driver, within));
      return {};
    }),

    unary(hash, async (_, {driver, limits: within}) => {
      const hashed = await hashKeys(driver, 0, within);
      return {header: identity.header(hashed.present), hash: hashed.hash};
    }),

    unary(hashKv, async ({revision}, {driver, limits: within}) => {
      const compacted = await compactRevision(driver, within);
      const hashed = await hashKeys(driver, revision, within);
      return {
        header: identity.header(hashed.present),
        hash: hashed.hash,
        compactRevision: compacted,
        hashRevision: hashed.revision,
      };
    }),

    ...unimplementedRoutes('etcdserverpb.Maintenance', {
      Snapshot: 'export the keys with `kvi export`',
      MoveLeader: 'the server is a cluster of one',
      Downgrade: 'start the server with another version',
    }),
  ];
}

const defaultQuota = 2 * 1024 ** 3;

/** As protobuf prints it, which clients parse. */
function showAlarm({memberId, type}: Alarm): string {
  const member = memberId === '0' ? '' : `memberID:${BigInt(`0x${memberId}`)} `;
  return `${member}alarm:${type === 'noSpace' ? 'NOSPACE' : 'CORRUPT'} `;
}

function toMember({memberId, type}: Alarm): {memberId: string; alarm: Alarm['type']} {
  return {memberId, alarm: type};
}
