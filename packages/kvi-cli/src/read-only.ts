import {type Driver, KviError, type TxnRequest} from 'kvi';

/**
 * Wraps a driver so that it refuses to write, with `KVI_INVALID_ARGUMENT`.
 *
 * @param profile - the name of the read-only profile, for the message
 */
export function readOnly(driver: Driver, profile: string): Driver {
  const refuse = () =>
    Promise.reject(
      new KviError('KVI_INVALID_ARGUMENT', `the profile ${profile} is read-only; nothing was sent`),
    );
  return {
    clock: driver.clock,
    range: (request, options) => driver.range(request, options),
    txn: (request, options) => (writes(request) ? refuse() : driver.txn(request, options)),
    compact: refuse,
    leaseGrant: refuse,
    leaseRevoke: refuse,
    leaseKeepAlive: refuse,
    leaseTimeToLive: (request, options) => driver.leaseTimeToLive(request, options),
    leaseLeases: (options) => driver.leaseLeases(options),
    status: (options) => driver.status(options),
    watch: (request, options) => driver.watch(request, options),
    close: () => driver.close(),
  };
}

function writes({success = [], failure = []}: TxnRequest<Uint8Array>): boolean {
  return [...success, ...failure].some((op) =>
    op.type === 'txn' ? writes(op) : op.type === 'put' || op.type === 'deleteRange',
  );
}
