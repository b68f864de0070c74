import {readFile} from 'node:fs/promises';
import {createKvi, type Driver, type EtcdOptions, type Kvi, openDriver} from 'kvi';
import {isSecure} from './endpoints.ts';
import {messageOf, usageError} from './failures.ts';
import type {Io} from './io.ts';
import {readOnly} from './read-only.ts';
import type {Settings} from './settings.ts';
import {verbose} from './verbose.ts';

/** Where errors and other notes go, and in which form. */
type Notes = Pick<Io, 'stderr'> & {json: boolean};

/**
 * Opens a handle on the store.
 *
 * @throws `KVI_INVALID_ARGUMENT` when no URL is given, and what `open` throws
 */
export async function connect(settings: Settings, notes: Notes): Promise<Kvi> {
  return createKvi(await connectDriver(settings, notes), {timeoutMs: settings.timeoutMs});
}

/** Opens the store's driver. @throws as {@link connect} */
export async function connectDriver(settings: Settings, notes: Notes): Promise<Driver> {
  const {url, timeoutMs, readOnlyProfile} = settings;
  if (url === undefined) {
    throw usageError('no store given: pass --url or set KVI_URL, for example to http://127.0.0.1:2379');
  }
  // A script wants to know at once, and can try again by itself.
  const etcd = {failFast: true, ...(await storeCredentials(url, settings))};
  const open = () => openDriver(url, {timeoutMs, etcd});
  const driver = settings.verbose ? await verbose(open, notes) : await open();
  return readOnlyProfile === undefined ? driver : readOnly(driver, readOnlyProfile);
}

/** The user and the certificates for a store. @throws `KVI_INVALID_ARGUMENT` if a file cannot be read */
export async function storeCredentials(
  url: string,
  {username, password, cacert, cert, key, namesCertificates}: Settings,
): Promise<StoreCredentials> {
  const user = {username, password};
  // A shell exports the variables for every store, including those without TLS.
  if (!isSecure(url) && !namesCertificates) return user;
  return {...user, ca: await readPem(cacert), cert: await readPem(cert), key: await readPem(key)};
}

type StoreCredentials = Pick<EtcdOptions, 'username' | 'password' | 'ca' | 'cert' | 'key'>;

/** @throws `KVI_INVALID_ARGUMENT` */
export async function readInput(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw usageError(`cannot read ${file}: ${messageOf(error)}`);
  }
}

async function readPem(file: string | undefined): Promise<Buffer | undefined> {
  return file === undefined ? undefined : readInput(file);
}
