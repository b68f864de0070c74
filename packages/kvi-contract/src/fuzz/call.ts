import {
  type Bytes,
  checkRange,
  checkTxn,
  checkWatch,
  defaultLimits,
  type Driver,
  type LeaseGrantResponse,
  type LeaseTimeToLiveResponse,
  type ResponseHeader,
  type ResponseOp,
} from 'kvi-core/driver';
import {describeBytes} from './describe-request.ts';
import {fixedLeases, type HandleCommand, type LeaseName} from './program.ts';
import {resolveRange, resolveTxn, resolveWatch} from './resolve.ts';
import type {Stage} from './stage.ts';
import {firstValue} from './target.ts';

/** The TTL of a lease that a program waits for, in seconds: enough to put keys under it on a loaded machine. */
const shortTtlSeconds = 2;

/** Runs a command, and describes the answer, or the code of the error. */
export async function answerTo(command: HandleCommand, stage: Stage): Promise<string> {
  const {tally, describe} = stage;
  tally.operations += 1;
  try {
    return await call(command, await stage.handle(command.handle), stage);
  } catch (error) {
    const code = describe.error(error);
    tally.errors[code] = (tally.errors[code] ?? 0) + 1;
    return code;
  }
}

/** Requests that kvi-core refuses never reach a driver, which may assume that requests are valid. */
async function call(command: HandleCommand, driver: Driver, stage: Stage): Promise<string> {
  const {names, describe, watches, tally} = stage;
  const ok = ({revision}: ResponseHeader) => `ok, rev ${names.showRevision(revision)}`;
  switch (command.do) {
    case 'range': {
      const request = resolveRange(command.request, names);
      checkRange(request, defaultLimits);
      return describe.range(request, await driver.range(request));
    }
    case 'txn': {
      const request = resolveTxn(command.request, names);
      checkTxn(request, defaultLimits);
      const response = await driver.txn(request);
      tally.inTransactions += countOps(response.responses);
      return describe.txn(request, response);
    }
    case 'compact': {
      const revision = names.revision(command.revision);
      const compacted = await driver.compact({revision});
      watches.compacted(revision);
      return ok(compacted);
    }
    case 'leaseGrant': {
      const granted = await grant(driver, command, stage);
      return `${ok(granted)}, ttl ${String(granted.ttlSeconds)}`;
    }
    case 'leaseRevoke':
      return ok(await driver.leaseRevoke(names.leaseId(command.lease)));
    case 'leaseKeepAlive': {
      const renewed = await driver.leaseKeepAlive(names.leaseId(command.lease));
      return `${ok(renewed)}, ttl ${String(renewed.ttlSeconds)}`;
    }
    case 'leaseTimeToLive': {
      const {lease, keys} = command;
      return describeLease(await driver.leaseTimeToLive({id: names.leaseId(lease), keys}), stage);
    }
    case 'leaseLeases': {
      const {leases, ...header} = await driver.leaseLeases();
      return `${ok(header)} [${leases
        .map((id) => names.leaseName(id))
        .sort()
        .join(', ')}]`;
    }
    case 'expire':
      await expire(driver, command, stage);
      return 'expired';
    case 'watch': {
      const request = resolveWatch(command.request, names);
      checkWatch(request, defaultLimits);
      const first = await watches.start(command.slot, command.handle, driver, request);
      return first === undefined ? 'started' : `from ${names.showRevision(first)}`;
    }
    case 'close':
      await driver.close();
      watches.handleClosed(command.handle);
      return 'ok';
    case 'open':
      await driver.close();
      watches.handleClosed(command.handle);
      await stage.open(command.handle);
      return 'ok';
  }
}

async function grant(
  driver: Driver,
  {lease, ttlSeconds}: {lease: LeaseName; ttlSeconds: number},
  {names}: Stage,
): Promise<LeaseGrantResponse> {
  const granted = await driver.leaseGrant({ttlSeconds, id: fixedLeases[lease]});
  names.nameLease(lease, granted.id);
  return granted;
}

async function expire(
  driver: Driver,
  {lease, keys}: {lease: LeaseName; keys: readonly Bytes[]},
  stage: Stage,
): Promise<void> {
  const {id} = await grant(driver, {lease, ttlSeconds: shortTtlSeconds}, stage);
  const puts = keys.map((key) => ({type: 'put', key, value: firstValue, lease: id}) as const);
  if (puts.length > 0) await driver.txn({success: puts});
  // etcd removes an expired lease with a delay: only the list tells when.
  while ((await driver.leaseLeases()).leases.includes(id)) await stage.passTime(50);
}

/** The remaining TTL depends on how fast the program ran. */
function describeLease(
  {id, ttlSeconds, grantedTtlSeconds, keys}: LeaseTimeToLiveResponse,
  {names}: Stage,
): string {
  const isPossible = ttlSeconds >= 0 && ttlSeconds <= grantedTtlSeconds;
  const left = isPossible ? '' : ` and ${String(ttlSeconds)} left`;
  return `${names.leaseName(id)} of ttl ${String(grantedTtlSeconds)}${left} with [${keys.map(describeBytes).join(', ')}]`;
}

function countOps(responses: readonly ResponseOp<Bytes>[]): number {
  return responses.reduce((sum, op) => sum + (op.type === 'txn' ? countOps(op.responses) : 1), 0);
}
