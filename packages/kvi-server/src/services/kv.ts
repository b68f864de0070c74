import {
  type Bytes,
  isKviError,
  type PutRequest,
  puts,
  type RequestOp,
  type ResponseOp,
  writes,
} from 'kvi-core/driver';
import {
  compact,
  deleteRange,
  etcdErrors,
  put,
  range,
  readDeleteRange,
  readPut,
  readRange,
  readTxn,
  toDeleteRangeResponse,
  toPutResponse,
  toRangeResponse,
  toTxnResponse,
  txn,
} from 'kvi-wire';
import type {Call} from '../grpc/call.ts';
import {Refusal} from '../grpc/refusal.ts';
import {type Route, unary} from '../grpc/route.ts';
import {checkBranch, checkKey, checkPut, checkSize, checkTxn} from './checks.ts';
import type {ServiceContext} from '../store/context.ts';

/** Keys, ranges and transactions. */
export function kvService({identity, limits, alarms}: ServiceContext): Route[] {
  return [
    unary(range, async (received, {driver, limits: within}) => {
      checkKey(received);
      alarms.beforeCall();
      const response = await driver.range(readRange(received), within);
      return toRangeResponse(response, identity.header(response.revision));
    }),

    unary(put, async (received, call, size) => {
      checkPut(received);
      checkSize(size, limits.maxRequestBytes);
      alarms.beforeCall();
      alarms.beforeWrite(size);
      const request = readPut(received);
      const {revision, response} = await onlyOp({type: 'put', ...request}, call, 'put').catch(
        async (error: unknown) => {
          throw await leaseFirst(error, request, call);
        },
      );
      return toPutResponse(response, identity.header(revision));
    }),

    unary(deleteRange, async (received, call, size) => {
      checkKey(received);
      checkSize(size, limits.maxRequestBytes);
      alarms.beforeCall();
      const request = {type: 'deleteRange', ...readDeleteRange(received)} as const;
      const {revision, response} = await onlyOp(request, call, 'deleteRange');
      return toDeleteRangeResponse(response, identity.header(revision));
    }),

    unary(txn, async (received, {driver, limits: within}, size) => {
      checkTxn(received, limits.maxTxnOps);
      const request = readTxn(received);
      checkBranch(request.success ?? []);
      checkBranch(request.failure ?? []);
      alarms.beforeCall();
      if (writes(request)) checkSize(size, limits.maxRequestBytes);
      if (puts(request)) alarms.beforeWrite(size);
      const response = await driver.txn(request, within);
      return toTxnResponse(response, identity.header(response.revision));
    }),

    unary(compact, async ({revision, physical}, {driver, limits: within}) => {
      // To etcd, what is before the first revision was compacted long ago.
      if (revision < 0) throw new Refusal(etcdErrors.compacted);
      alarms.beforeCall();
      const response = await driver.compact({revision, physical}, within);
      return {header: identity.header(response.revision)};
    }),
  ];
}

/** Runs a transaction of one operation. */
async function onlyOp<Type extends 'put' | 'deleteRange'>(
  op: Extract<RequestOp<Bytes>, {type: Type}>,
  {driver, limits}: Call,
  type: Type,
): Promise<{revision: number; response: Extract<ResponseOp<Bytes>, {type: Type}>}> {
  const {revision, responses} = await driver.txn({success: [op]}, limits);
  const response = responses.find(
    (each): each is Extract<ResponseOp<Bytes>, {type: Type}> => each.type === type,
  );
  if (response === undefined) throw new Error('the driver left an operation unanswered');
  return {revision, response};
}

/** Of a put that lacks both its lease and its key, etcd misses the lease. In a transaction it misses the key. */
async function leaseFirst(
  error: unknown,
  {lease}: PutRequest<Bytes>,
  {driver, limits}: Call,
): Promise<unknown> {
  if (!isKviError(error, 'KVI_KEY_NOT_FOUND') || lease === undefined || lease === '0') return error;
  return driver.leaseTimeToLive({id: lease}, limits).then(
    () => error,
    (missing: unknown) => (isKviError(missing, 'KVI_LEASE_NOT_FOUND') ? missing : error),
  );
}
