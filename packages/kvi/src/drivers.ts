/** Maps URLs to drivers. A driver is loaded when it is first needed, so that opening `mem:` never loads the etcd driver. */
import {KviError} from 'kvi-core';
import {invalidArgument} from 'kvi-core/driver';
import type {OpenDriver} from './options.ts';

const openMem: OpenDriver = async (url, {mem}) => {
  const {openMemDriver} = await load('kvi-mem', () => import('kvi-mem'));
  return openMemDriver(url, mem);
};

const openEtcd: OpenDriver = async (url, {timeoutMs, maxTxnOps, maxRequestBytes, etcd}) => {
  const {openEtcdDriver} = await load('kvi-etcd', () => import('kvi-etcd'));
  return openEtcdDriver(url, {timeoutMs, maxTxnOps, maxRequestBytes, ...etcd});
};

const ownDrivers: Readonly<Record<string, OpenDriver>> = {
  'mem:': openMem,
  'http:': openEtcd,
  'https:': openEtcd,
  'etcd:': openEtcd,
  'etcds:': openEtcd,
  'unix:': openEtcd,
  'unixs:': openEtcd,
};

/**
 * Finds the driver for a URL by its scheme. What follows the scheme is the driver's to read.
 *
 * @param furtherDrivers by scheme, `"redis:"`
 * @throws `KVI_INVALID_ARGUMENT` for a URL without a scheme that is known. Of the URL it shows nothing but the scheme:
 *   the rest may hold a password.
 */
export function driverFor(
  url: string,
  furtherDrivers: Readonly<Record<string, OpenDriver>> = {},
): OpenDriver {
  const drivers = new Map(Object.entries({...ownDrivers, ...furtherDrivers}));
  const howTo = `a URL starts with one of ${[...drivers.keys()].join(' ')}, as "mem:" and "http://127.0.0.1:2379" do`;
  if (typeof url !== 'string') {
    throw invalidArgument(`the URL must be a string, not ${url === null ? 'null' : typeof url}; ${howTo}`);
  }
  if (url.trim() === '') throw invalidArgument(`the URL is empty; ${howTo}`);
  const scheme = /^\s*([a-z][a-z0-9+.-]*:)/i.exec(url)?.[1];
  if (scheme === undefined) throw invalidArgument(`the URL has no scheme; ${howTo}`);
  const driver = drivers.get(scheme.toLowerCase());
  if (driver === undefined) throw invalidArgument(`there is no driver for "${scheme}"; ${howTo}`);
  return driver;
}

async function load<M>(packageName: string, importIt: () => Promise<M>): Promise<M> {
  try {
    return await importIt();
  } catch (error) {
    if (!isMissing(packageName, error)) throw error;
    throw new KviError(
      'KVI_DRIVER_MISSING',
      `the package ${packageName} is not installed: npm install ${packageName}`,
      {cause: error},
    );
  }
}

/**
 * Whether the package itself was not found, and not some module that it needs: only the message tells them apart, by
 * the specifier that it quotes.
 */
function isMissing(packageName: string, error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND') &&
    'message' in error &&
    String(error.message).includes(`'${packageName}'`)
  );
}
