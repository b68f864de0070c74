/** What a member says of itself, and what its operators ask of it. */
import {bool, choice, id, int64, message, nested, repeated, text} from '../protobuf/protobuf.ts';
import {wholeHeader} from './header.ts';
import {method} from './method.ts';

const alarmType = ['none', 'noSpace', 'corrupt'] as const;

export const status = method(
  '/etcdserverpb.Maintenance/Status',
  message({}),
  message({
    header: nested(1, wholeHeader),
    version: text(2),
    dbSize: int64(3),
    leader: id(4),
    raftIndex: int64(5),
    raftTerm: int64(6),
    raftAppliedIndex: int64(7),
    errors: repeated(text(8)),
    dbSizeInUse: int64(9),
    isLearner: bool(10),
    storageVersion: text(11),
    dbSizeQuota: int64(12),
    downgradeInfo: nested(13, message({enabled: bool(1), targetVersion: text(2)})),
  }),
);

export const alarm = method(
  '/etcdserverpb.Maintenance/Alarm',
  message({
    action: choice(1, ['get', 'activate', 'deactivate']),
    memberId: id(2),
    alarm: choice(3, alarmType),
  }),
  message({
    header: nested(1, wholeHeader),
    alarms: repeated(nested(2, message({memberId: id(1), alarm: choice(2, alarmType)}))),
  }),
);

export const defragment = method(
  '/etcdserverpb.Maintenance/Defragment',
  message({}),
  message({header: nested(1, wholeHeader)}),
);

export const hashKv = method(
  '/etcdserverpb.Maintenance/HashKV',
  message({revision: int64(1)}),
  message({
    header: nested(1, wholeHeader),
    hash: int64(2),
    compactRevision: int64(3),
    hashRevision: int64(4),
  }),
);
