import {
  int64,
  memberId,
  type Message,
  message,
  type Received,
  type Sent,
  uint64,
} from '../protobuf/protobuf.ts';

/** What every response says of the store and of the member that answered. */
export const wholeHeader = message(
  {clusterId: memberId(1), memberId: memberId(2), revision: int64(3), raftTerm: uint64(4)},
  'etcdserverpb.ResponseHeader',
);

export type SentHeader = Sent<typeof wholeHeader>;

const whatIsRead = message({revision: int64(3), raftTerm: uint64(4)});

/** The header of most responses: of what is sent, few look at the ids, and reading them would cost each call. */
export const header: Message<SentHeader, Header> = {
  ...wholeHeader,
  read: whatIsRead.read,
};

export type Header = Received<typeof whatIsRead>;
