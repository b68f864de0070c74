import {kviOptionNames, type KviOptions} from 'kvi-core';
import {type Driver, invalidArgument} from 'kvi-core/driver';
import type {EtcdOptions} from 'kvi-etcd';
import type {OpenMemDriverOptions} from 'kvi-mem';

/**
 * Opens the driver of a scheme, and proves that its backend answers.
 *
 * @param url as `open` got it
 * @param options those of `open`, of which a driver may want `timeoutMs`; its own it gets from the scope it is written in
 */
export type OpenDriver = (url: string, options: OpenOptions) => Promise<Driver>;

/**
 * What `open` takes beside the URL. A backend has its options under its own name, and those of another backend than the
 * URL's are not looked at: a service passes the same options whatever its URL.
 */
export interface OpenOptions extends KviOptions {
  /** How to reach etcd: user, password, certificates. Its `timeoutMs` is for opening; default: that of the handle. */
  etcd?: EtcdOptions | undefined;
  /** Which store in this process to open, and how. */
  mem?: OpenMemDriverOptions | undefined;
  /** Further drivers, by scheme: `{'redis:': (url) => openRedisDriver(url)}`. One of kvi's own schemes is replaced. */
  drivers?: Readonly<Record<string, OpenDriver>> | undefined;
}

const own = {etcd: true, mem: true, drivers: true} satisfies Record<
  Exclude<keyof OpenOptions, keyof KviOptions>,
  true
>;
const known: readonly string[] = [...kviOptionNames, ...Object.keys(own)];

/**
 * Refuses an option that means nothing: a misspelt one would silently do nothing.
 *
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function checkOptionNames(options: OpenOptions): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw invalidArgument(`there is no option ${unknown}; there are ${known.join(', ')}`);
  }
}
