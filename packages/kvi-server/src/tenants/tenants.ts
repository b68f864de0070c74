import {type Driver, invalidArgument, KviError} from 'kvi-core/driver';
import type {Authorize, CallInfo} from '../options/options.ts';
import {tenantDriver} from './tenant-driver.ts';

/** Options of {@link tenants}. */
export interface TenantOptions {
  /** Below which keys of the store the tenants are. Not empty. Default `kvi/tenants/`. */
  prefix?: string | undefined;
  /**
   * Tells whose call it is; refuses the call by throwing. Two calls are of one tenant if they have one name. Default: the common name of
   * the client's certificate, and calls without one are refused.
   */
  nameOf?: ((call: CallInfo) => string) | undefined;
}

/**
 * Gives each client a store of its own within one store, by the name in its certificate: for `authorize` of `serve`.
 *
 * ```ts
 * const server = await serve(driver, {tls: {cert, key, clientCa}, authorize: tenants(driver)});
 * ```
 *
 * Keys and leases of one tenant do not exist for another. What is shared: the revision of the store, its history, which no tenant may
 * compact, its alarms, and lease ids, of which a tenant cannot choose one that another has.
 *
 * @throws `KVI_INVALID_ARGUMENT` for an empty prefix
 */
export function tenants(
  driver: Driver,
  {prefix = 'kvi/tenants/', nameOf = nameInCertificate}: TenantOptions = {},
): Authorize {
  if (prefix === '') throw invalidArgument('the prefix of tenants must not be empty');
  const drivers = new Map<string, Driver>();
  return (call) => {
    const name = nameOf(call);
    let tenant = drivers.get(name);
    if (tenant === undefined) {
      tenant = tenantDriver(driver, `${prefix}${folder(name)}/`);
      drivers.set(name, tenant);
    }
    return tenant;
  };
}

function nameInCertificate({peerCertificate}: CallInfo): string {
  const name: unknown = peerCertificate?.subject.CN;
  if (typeof name === 'string' && name !== '') return name;
  throw new KviError('KVI_UNAUTHENTICATED', 'tenants need a certificate with one common name');
}

/** A name without slashes, so that no tenant's keys lie below those of another. */
function folder(name: string): string {
  if (name === '' || /\p{Surrogate}/u.test(name)) {
    throw new KviError('KVI_UNAUTHENTICATED', 'the name of a tenant must not be empty, and be text');
  }
  return encodeURIComponent(name);
}
