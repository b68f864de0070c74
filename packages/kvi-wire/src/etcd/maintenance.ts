/** What a member says of itself. */
import {id, int64, message, nested, repeated, text} from '../protobuf/protobuf.ts';
import {wholeHeader} from './header.ts';
import {method} from './method.ts';

export const status = method(
  '/etcdserverpb.Maintenance/Status',
  message({}),
  message({
    header: nested(1, wholeHeader),
    version: text(2),
    dbSize: int64(3),
    leader: id(4),
    errors: repeated(text(8)),
    dbSizeInUse: int64(9),
    dbSizeQuota: int64(12),
  }),
);
