import {checkOptions, createKvi, isKviError, type Kvi, KviError} from 'kvi-core';
import {type Driver, trace} from 'kvi-core/driver';
import {driverFor} from './drivers.ts';
import {checkOpenOptions, type OpenDriver, type OpenOptions} from './options.ts';

/**
 * Opens a handle on the store that a URL names, and proves that it answers.
 *
 * - `mem:`, or `mem:NAME` for a store apart: in this process. The same URL opens the same store, and it outlives its
 *   handles; needs `kvi-mem`.
 * - `http://HOST:PORT`, `https://HOST:PORT`, or `etcd://HOST1:PORT,HOST2:PORT` (`etcds://` for TLS): an etcd cluster, 3.4
 *   or later; needs `kvi-etcd`. `unix:///PATH` is a socket that etcd listens on (`unixs:` for TLS).
 *
 * ```ts
 * await using kv = await open(process.env.KVI_URL ?? 'mem:');
 * await kv.store('greeting', 'hello');
 * ```
 *
 * @throws `KVI_INVALID_ARGUMENT` for a URL or an option that means nothing; `KVI_DRIVER_MISSING` when the package of the
 *   URL's driver is not installed; `KVI_UNAVAILABLE` or `KVI_TIMEOUT` when the backend does not answer;
 *   `KVI_TLS` when there is no secure connection to it; `KVI_UNAUTHENTICATED` when it refuses user and password;
 *   `KVI_INTERNAL` when a driver of yours throws an error that is no `KviError`, which is its cause, or returns no driver
 */
export async function open(url: string, options: OpenOptions = {}): Promise<Kvi> {
  return createKvi(await openDriver(url, options), options);
}

/**
 * As {@link open}, without a handle around the driver: for what serves or wraps drivers. Its caller owes what the port asks for,
 * and closes it.
 */
export async function openDriver(url: string, options: OpenOptions = {}): Promise<Driver> {
  checkOpenOptions(options);
  checkOptions(options);
  const openWith = driverFor(url, options.drivers);
  return trace('open', undefined, () => openChecked(openWith, url, options));
}

/** Opens a driver, which may be a caller's and do what it likes. */
async function openChecked(openDriver: OpenDriver, url: string, options: OpenOptions): Promise<Driver> {
  try {
    const driver: Partial<Driver> | undefined = await openDriver(url, options);
    if (typeof driver?.range !== 'function') throw new TypeError('it did not return a Driver');
    return driver as Driver;
  } catch (cause) {
    if (isKviError(cause)) throw cause;
    // Of the URL, only the scheme: the rest may hold a password.
    const scheme = /^[^:]*:/.exec(url.trim())?.[0] ?? '';
    throw new KviError('KVI_INTERNAL', `the driver for "${scheme}" failed to open; its error is the cause`, {
      cause,
    });
  }
}
