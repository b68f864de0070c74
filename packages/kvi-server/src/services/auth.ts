import {authenticate, authStatus, etcdErrors} from 'kvi-wire';
import {Refusal} from '../grpc/refusal.ts';
import {type Route, unary} from '../grpc/route.ts';
import type {ServiceContext} from '../store/context.ts';
import {revisionNow} from '../store/revision-now.ts';
import {unimplementedRoutes} from './unimplemented.ts';

const administration = [
  ...['AuthEnable', 'AuthDisable', 'UserAdd', 'UserGet', 'UserList', 'UserDelete', 'UserChangePassword'],
  ...['UserGrantRole', 'UserRevokeRole', 'RoleAdd', 'RoleGet', 'RoleList', 'RoleDelete'],
  ...['RoleGrantPermission', 'RoleRevokePermission'],
];

/** Answers as an etcd whose authentication is not enabled. */
export function authService({identity}: ServiceContext): Route[] {
  const instead = 'tell clients apart by their certificates: `authorize`, or `kvi serve --tenants`';
  return [
    unary(authenticate, () => {
      throw new Refusal(etcdErrors.authNotEnabled);
    }),
    unary(authStatus, async (_, call) => ({
      header: identity.header(await revisionNow(call)),
      authRevision: 1,
    })),
    ...unimplementedRoutes(
      'etcdserverpb.Auth',
      Object.fromEntries(administration.map((method) => [method, instead])),
    ),
  ];
}
