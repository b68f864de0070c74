import {range} from 'kvi-wire';
import {GrpcError} from '../failures/grpc-failures.ts';
import {isPermissionDenied} from '../failures/kvi-errors.ts';
import type {Send} from './unary.ts';

const anyKey = Buffer.of(0);

/**
 * Waits until the member has applied everything that its cluster had agreed on before. A member does so before it checks
 * permissions, so a user who may not read the key can ask for it too.
 *
 * Without it, a member answers two requests from its own state, however old that is: the list of leases, and a
 * transaction without operations.
 *
 * @see `Range`, `isTxnSerializable` and `LeaseLeases` in etcd's `v3_server.go`
 */
export async function linearizableBarrier(send: Send): Promise<void> {
  try {
    await send(range, {key: anyKey, countOnly: true});
  } catch (error) {
    if (!(error instanceof GrpcError && isPermissionDenied(error))) throw error;
  }
}
