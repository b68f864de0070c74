import {type Driver, isKviError, type KeyRange} from 'kvi';
import type {Io} from './io.ts';
import {printable} from './printable.ts';

/** Where the log goes, and in which form. */
interface Notes extends Pick<Io, 'stderr'> {
  json: boolean;
}

/** Opens a driver that logs each call, with its time, on the standard error. */
export async function verbose(open: () => Promise<Driver>, {stderr, json}: Notes): Promise<Driver> {
  function note(call: string, subject: string, ms: number, error?: unknown): void {
    const code = error === undefined ? undefined : isKviError(error) ? error.code : 'KVI_INTERNAL';
    const took = ms.toFixed(1);
    if (json) stderr.write(`${JSON.stringify({call, subject, ms: Number(took), code})}\n`);
    else stderr.write(`kvi: ${[call, subject].join(' ').trim()}: ${took} ms${code ? ` (${code})` : ''}\n`);
  }

  async function timed<R>(call: string, subject: string, body: () => Promise<R>): Promise<R> {
    const started = performance.now();
    try {
      const result = await body();
      note(call, subject, performance.now() - started);
      return result;
    } catch (error) {
      note(call, subject, performance.now() - started, error);
      throw error;
    }
  }

  const driver = await timed('open', '', open);
  return {
    clock: driver.clock,
    range: (request, options) => timed('range', nameOf(request), () => driver.range(request, options)),
    txn: (request, options) => {
      const {compare = [], success = [], failure = []} = request;
      const first = [...success, ...failure, ...compare].find((part) => 'key' in part);
      return timed('txn', first === undefined ? '' : nameOf(first), () => driver.txn(request, options));
    },
    compact: (request, options) =>
      timed('compact', String(request.revision), () => driver.compact(request, options)),
    leaseGrant: (request, options) => timed('leaseGrant', '', () => driver.leaseGrant(request, options)),
    leaseRevoke: (id, options) => timed('leaseRevoke', id, () => driver.leaseRevoke(id, options)),
    leaseKeepAlive: (id, options) => timed('leaseKeepAlive', id, () => driver.leaseKeepAlive(id, options)),
    leaseTimeToLive: (request, options) =>
      timed('leaseTimeToLive', request.id, () => driver.leaseTimeToLive(request, options)),
    leaseLeases: (options) => timed('leaseLeases', '', () => driver.leaseLeases(options)),
    status: (options) => timed('status', '', () => driver.status(options)),
    watch(request, options) {
      const watch = driver.watch(request, options);
      timed('watch', nameOf(request), () => watch.created).catch(() => undefined);
      return watch;
    },
    close: () => timed('close', '', () => driver.close()),
  };
}

/** The key, or the first key of a range and dots. */
function nameOf({key, rangeEnd}: KeyRange<Uint8Array>): string {
  return rangeEnd === undefined || rangeEnd.length === 0 ? printable(key) : `${printable(key)}...`;
}
