import {bytes, id, int64, message} from '../protobuf/protobuf.ts';

export const keyValue = message(
  {
    key: bytes(1),
    createRevision: int64(2),
    modRevision: int64(3),
    version: int64(4),
    value: bytes(5),
    lease: id(6),
  },
  'mvccpb.KeyValue',
);
