/**
 * Elections, as a server holds them for its clients.
 *
 * @see `server/etcdserver/api/v3election/v3electionpb/v3election.proto` in etcd
 */
import {bytes, id, int64, message, nested, type Received} from '../protobuf/protobuf.ts';
import {header} from './header.ts';
import {keyValue} from './key-value.ts';
import {method} from './method.ts';

const leaderKey = message({name: bytes(1), key: bytes(2), rev: int64(3), lease: id(4)});
const leaderRequest = message({name: bytes(1)});
const leaderResponse = message({header: nested(1, header), kv: nested(2, keyValue)});

export const campaign = method(
  '/v3electionpb.Election/Campaign',
  message({name: bytes(1), lease: id(2), value: bytes(3)}),
  message({header: nested(1, header), leader: nested(2, leaderKey)}),
);

export const proclaim = method(
  '/v3electionpb.Election/Proclaim',
  message({leader: nested(1, leaderKey), value: bytes(2)}),
  message({header: nested(1, header)}),
);

export const leader = method('/v3electionpb.Election/Leader', leaderRequest, leaderResponse);

/** A stream of what leaders proclaim. */
export const observe = method('/v3electionpb.Election/Observe', leaderRequest, leaderResponse);

export const resign = method(
  '/v3electionpb.Election/Resign',
  message({leader: nested(1, leaderKey)}),
  message({header: nested(1, header)}),
);

export type ReceivedLeaderKey = Received<typeof leaderKey>;
