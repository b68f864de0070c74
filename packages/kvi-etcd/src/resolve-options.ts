import {createSecureContext} from 'node:tls';
import {
  bufferLimits,
  checkBufferLimits,
  invalidArgument,
  KviError,
  type RequestLimits,
  requestLimits,
} from 'kvi-core/driver';
import type {Certificates} from './cluster/certificates.ts';
import {type Endpoint, parseEndpoint, parseUrl} from './cluster/endpoints.ts';
import {contextOptions} from './cluster/tls.ts';
import type {EtcdDriverOptions} from './etcd-driver.ts';
import type {EtcdEndpointOptions, EtcdOptions} from './options.ts';

const optionNames: readonly string[] = [
  'endpoints',
  'timeoutMs',
  'failFast',
  'username',
  'password',
  'ca',
  'cert',
  'key',
  'certificates',
  'serverName',
  'membershipRefresh',
  'maxBufferedEvents',
  'maxBufferedBytes',
  'diagnosticKeys',
  'coalesce',
  'maxTxnOps',
  'maxRequestBytes',
] satisfies (keyof EtcdEndpointOptions)[];

/** What the options come to. */
export interface ResolvedOptions extends EtcdDriverOptions {
  timeoutMs: number;
  failFast: boolean;
  /** Undefined: calls are sent as they are made. */
  coalescing: RequestLimits | undefined;
}

const defaultTimeoutMs = 5_000;
const defaultMembershipIntervalMs = 30_000;

/**
 * Checks the options, and fills in the defaults.
 *
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function resolveOptions(where: string | EtcdEndpointOptions, options: EtcdOptions): ResolvedOptions {
  const {endpoints, ...given} = merge(where, options);
  checkOptions(given);
  checkEndpoints(endpoints, given);
  const {username, password, ca, cert, key, certificates = () => ({ca, cert, key})} = given;
  return {
    endpoints,
    user: username === undefined || password === undefined ? undefined : {name: username, password},
    certificates,
    serverName: given.serverName,
    timeoutMs: given.timeoutMs ?? defaultTimeoutMs,
    failFast: given.failFast ?? false,
    coalescing: given.coalesce === false ? undefined : requestLimits(given),
    membershipIntervalMs: membershipIntervalMs(given),
    ...bufferLimits(given),
    diagnosticKeys: given.diagnosticKeys,
  };
}

/** Merges the URL, `where` and `options`; later ones win. Undefined means absent. */
function merge(
  where: string | EtcdEndpointOptions,
  options: EtcdOptions,
): EtcdOptions & {endpoints: Endpoint[]} {
  const given: EtcdOptions = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  );
  if (typeof where === 'string') return {...parseUrl(where), ...given};
  const {endpoints} = where;
  if (!isTexts(endpoints)) throw invalidArgument('expected a URL, or endpoints: ["HOST:PORT"]');
  return {...where, ...given, endpoints: endpoints.map((endpoint) => parseEndpoint(endpoint))};
}

function checkOptions(options: EtcdOptions): void {
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknown !== undefined) {
    throw invalidArgument(`unknown option "${unknown}"; expected one of ${optionNames.join(', ')}`);
  }
  checkTypes(options);
  const {timeoutMs, username, password, ca, cert, key, certificates} = options;
  checkMs('timeoutMs', timeoutMs);
  checkMs('membershipRefresh.intervalMs', membershipIntervalMs(options));
  checkBufferLimits(options);
  if ((username === undefined) !== (password === undefined)) {
    throw invalidArgument('username and password must be given together');
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw invalidArgument('cert and key must be given together');
  }
  const hasPem = [ca, cert, key].some((given) => given !== undefined);
  if (certificates !== undefined && hasPem) {
    throw invalidArgument('certificates cannot be combined with ca, cert and key');
  }
  // Making a TLS context takes 20 ms or more, because Node reads its own certificates each time.
  if (hasPem) checkPem({ca, cert, key});
}

/** Those that nothing else checks. */
const types: readonly (readonly [keyof EtcdOptions, string])[] = [
  ['username', 'string'],
  ['password', 'string'],
  ['serverName', 'string'],
  ['certificates', 'function'],
  ['failFast', 'boolean'],
  ['diagnosticKeys', 'boolean'],
  ['coalesce', 'boolean'],
];

/** Shows no value: one of them is the password. */
function checkTypes(options: EtcdOptions): void {
  for (const [name, type] of types) {
    const value = options[name];
    if (value !== undefined && typeof value !== type) {
      throw invalidArgument(`${name} must be a ${type}, not ${value === null ? 'null' : typeof value}`);
    }
  }
}

function checkMs(name: string, value: number | undefined): void {
  if (value !== undefined && !(value > 0 && value < 2 ** 31)) {
    throw invalidArgument(`${name} must be above 0 and below 2 ** 31, not ${String(value)}`);
  }
}

/** Otherwise, malformed certificates would show as a connection that fails again and again. */
function checkPem(certificates: Certificates): void {
  try {
    createSecureContext(contextOptions(certificates));
  } catch (cause) {
    throw new KviError('KVI_INVALID_ARGUMENT', `ca, cert or key is not valid PEM: ${String(cause)}`, {cause});
  }
}

function membershipIntervalMs({membershipRefresh = false}: EtcdOptions): number | undefined {
  if (typeof membershipRefresh === 'object') return membershipRefresh.intervalMs;
  return membershipRefresh ? defaultMembershipIntervalMs : undefined;
}

function checkEndpoints(endpoints: readonly Endpoint[], options: EtcdOptions): void {
  if (endpoints.length === 0) throw invalidArgument('endpoints is empty; expected at least one "HOST:PORT"');
  const {ca, cert, certificates, serverName} = options;
  const forTls = [ca, cert, certificates, serverName].some((given) => given !== undefined);
  if (forTls && !endpoints.every(({tls}) => tls)) {
    throw invalidArgument('certificates need TLS: use https:// or etcds:// endpoints');
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
