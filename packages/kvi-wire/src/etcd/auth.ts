/** Users. */
import {bool, int64, message, named, nested, text} from '../protobuf/protobuf.ts';
import {header} from './header.ts';
import {method} from './method.ts';

export const authenticate = method(
  '/etcdserverpb.Auth/Authenticate',
  message({name: text(1), password: text(2)}),
  message({header: nested(1, header), token: text(2)}),
);

export const authStatus = method(
  '/etcdserverpb.Auth/AuthStatus',
  message({}),
  message({header: nested(1, header), enabled: bool(2), authRevision: named('authRevision', int64(3))}),
);
