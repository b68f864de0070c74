/** What a member says of itself, and what its operators ask of it. */
import {
  bool,
  choice,
  int64,
  memberId,
  message,
  named,
  nested,
  repeated,
  text,
  uint32,
  uint64,
} from '../protobuf/protobuf.ts';
import {wholeHeader} from './header.ts';
import {method} from './method.ts';

const alarmType = ['none', 'noSpace', 'corrupt'] as const;

const downgradeInfo = message({enabled: bool(1), targetVersion: named('targetVersion', text(2))});

export const status = method(
  '/etcdserverpb.Maintenance/Status',
  message({}),
  message({
    header: nested(1, wholeHeader),
    version: text(2),
    dbSize: named('dbSize', int64(3)),
    leader: memberId(4),
    raftIndex: named('raftIndex', uint64(5)),
    raftTerm: named('raftTerm', uint64(6)),
    raftAppliedIndex: named('raftAppliedIndex', uint64(7)),
    errors: repeated(text(8)),
    dbSizeInUse: named('dbSizeInUse', int64(9)),
    isLearner: named('isLearner', bool(10)),
    storageVersion: named('storageVersion', text(11)),
    dbSizeQuota: named('dbSizeQuota', int64(12)),
    downgradeInfo: named('downgradeInfo', nested(13, downgradeInfo)),
  }),
);

const member = message(
  {memberId: named('memberID', memberId(1)), alarm: choice(2, alarmType)},
  'etcdserverpb.AlarmMember',
);

export const alarm = method(
  '/etcdserverpb.Maintenance/Alarm',
  message({
    action: choice(1, ['get', 'activate', 'deactivate']),
    memberId: named('memberID', memberId(2)),
    alarm: choice(3, alarmType),
  }),
  message({
    header: nested(1, wholeHeader),
    alarms: repeated(nested(2, member)),
  }),
);

export const defragment = method(
  '/etcdserverpb.Maintenance/Defragment',
  message({}),
  message({header: nested(1, wholeHeader)}),
);

export const hash = method(
  '/etcdserverpb.Maintenance/Hash',
  message({}),
  message({header: nested(1, wholeHeader), hash: uint32(2)}),
);

export const hashKv = method(
  '/etcdserverpb.Maintenance/HashKV',
  message({revision: int64(1)}),
  message({
    header: nested(1, wholeHeader),
    hash: uint32(2),
    compactRevision: int64(3),
    hashRevision: int64(4),
  }),
);
