/** Clusters and their members. */
import {bool, memberId, message, named, nested, type Received, repeated, text} from '../protobuf/protobuf.ts';
import {wholeHeader} from './header.ts';
import {method} from './method.ts';

const member = message(
  {
    id: named('ID', memberId(1)),
    name: text(2),
    peerUrls: named('peerURLs', repeated(text(3))),
    clientUrls: named('clientURLs', repeated(text(4))),
    isLearner: named('isLearner', bool(5)),
  },
  'etcdserverpb.Member',
);

export const memberList = method(
  '/etcdserverpb.Cluster/MemberList',
  message({linearizable: bool(1)}),
  message({header: nested(1, wholeHeader), members: repeated(nested(2, member))}),
);

export type Member = Received<typeof member>;
