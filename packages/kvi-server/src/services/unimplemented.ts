import type {Route} from '../grpc/route.ts';
import {unimplemented} from '../grpc/refusal.ts';

/**
 * Methods that an etcd has and this server has not.
 *
 * @param instead - what to use instead of each
 */
export function unimplementedRoutes(service: string, instead: Readonly<Record<string, string>>): Route[] {
  return Object.entries(instead).map(([method, hint]) => ({
    path: `/${service}/${method}`,
    answer() {
      throw unimplemented(`${service}/${method}`, hint);
    },
  }));
}
