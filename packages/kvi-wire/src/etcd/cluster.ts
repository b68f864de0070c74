/** Clusters and their members. */
import {bool, id, message, nested, type Received, repeated, text} from '../protobuf/protobuf.ts';
import {wholeHeader} from './header.ts';
import {method} from './method.ts';

const member = message({
  id: id(1),
  name: text(2),
  peerUrls: repeated(text(3)),
  clientUrls: repeated(text(4)),
  isLearner: bool(5),
});

export const memberList = method(
  '/etcdserverpb.Cluster/MemberList',
  message({linearizable: bool(1)}),
  message({header: nested(1, wholeHeader), members: repeated(nested(2, member))}),
);

export type Member = Received<typeof member>;
