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
 * Refuses unknown options, which are often others misspelt, and values that are no options at all.
 *
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function checkOpenOptions(options: OpenOptions): void {
  checkObject('options', options);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw invalidArgument(`unknown option ${unknown}; expected one of ${known.join(', ')}`);
  }
  const {etcd = {}, mem = {}, drivers = {}} = options;
  for (const [name, value] of Object.entries({etcd, mem, drivers})) checkObject(name, value);
  for (const [scheme, openDriver] of Object.entries(drivers)) {
    if (typeof openDriver !== 'function') {
      throw invalidArgument(`drivers["${scheme}"] must be a function, not ${typeof openDriver}`);
    }
  }
}

function checkObject(what: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    throw invalidArgument(`${what} must be an object, not ${value === null ? 'null' : typeof value}`);
  }
}
