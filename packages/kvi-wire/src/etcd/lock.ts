/**
 * Locks, as a server keeps them for its clients.
 *
 * @see `server/etcdserver/api/v3lock/v3lockpb/v3lock.proto` in etcd
 */
import {bytes, id, message, nested} from '../protobuf/protobuf.ts';
import {header} from './header.ts';
import {method} from './method.ts';

export const lock = method(
  '/v3lockpb.Lock/Lock',
  message({name: bytes(1), lease: id(2)}),
  message({header: nested(1, header), key: bytes(2)}),
);

export const unlock = method(
  '/v3lockpb.Lock/Unlock',
  message({key: bytes(1)}),
  message({header: nested(1, header)}),
);
