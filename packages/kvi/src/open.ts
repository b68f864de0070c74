import {checkOptions, createKvi, type Kvi} from 'kvi-core';
import {trace} from 'kvi-core/driver';
import {driverFor} from './drivers.ts';
import {checkOptionNames, type OpenOptions} from './options.ts';

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
 *   `KVI_TLS` when there is no secure connection to it; `KVI_UNAUTHENTICATED` when it refuses user and password
 */
export async function open(url: string, options: OpenOptions = {}): Promise<Kvi> {
  const openDriver = driverFor(url, options.drivers);
  checkOptionNames(options);
  checkOptions(options);
  return createKvi(await trace('open', undefined, () => openDriver(url, options)), options);
}
