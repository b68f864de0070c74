import {readFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline/promises';
import {Writable} from 'node:stream';
import {usageError} from './failures.ts';
import type {Io} from './io.ts';
import {duration} from './parsers.ts';
import {readProfile} from './profile.ts';

/** The options of every command. */
export interface GlobalOptions {
  url?: string;
  /** In milliseconds. */
  timeout?: number;
  json?: boolean;
  verbose?: boolean;
  /** The name of a profile. */
  profile?: string;
  username?: string;
  /** A file, as are `cacert`, `cert` and `key`. */
  passwordFile?: string;
  cacert?: string;
  cert?: string;
  key?: string;
}

/** What the options, the environment and the profile come to. */
export interface Settings {
  url: string | undefined;
  timeoutMs: number | undefined;
  verbose: boolean;
  /** The name of the profile that allows no writes. */
  readOnlyProfile: string | undefined;
  username: string | undefined;
  password: string | undefined;
  /** Whether options name certificates, which are then for this store and no other. */
  namesCertificates: boolean;
  /** Files. */
  cacert: string | undefined;
  cert: string | undefined;
  key: string | undefined;
}

/** The names of an option's variables: kvi's, and etcdctl's. */
const variables = {
  url: ['KVI_URL'],
  username: ['KVI_USERNAME'],
  passwordFile: ['KVI_PASSWORD_FILE'],
  cacert: ['KVI_CACERT', 'ETCDCTL_CACERT'],
  cert: ['KVI_CERT', 'ETCDCTL_CERT'],
  key: ['KVI_KEY', 'ETCDCTL_KEY'],
} as const;

/**
 * Puts together what a command is told: an option wins over the profile, the profile over kvi's variables, and those over
 * etcdctl's. An empty variable counts as unset.
 *
 * @throws `KVI_INVALID_ARGUMENT` for a variable, a profile or a file that is wrong
 */
export async function readSettings(options: GlobalOptions, io: Io): Promise<Settings> {
  const {env} = io;
  const name = options.profile ?? set(env['KVI_PROFILE']);
  const profile = name === undefined ? {} : await readProfile(name, configFolder(env));
  const given = (of: keyof typeof variables): string | undefined =>
    [options[of], profile[of], ...variables[of].map((each) => env[each])]
      .map(set)
      .find((each) => each !== undefined);
  const [etcdctlUser, etcdctlPassword] = etcdctlCredentials(env);
  const username = given('username') ?? etcdctlUser;
  return {
    cacert: given('cacert'),
    cert: given('cert'),
    key: given('key'),
    namesCertificates: [options.cacert, options.cert, options.key].some((file) => file !== undefined),
    url: given('url') ?? etcdctlUrl(env),
    timeoutMs: timeoutOf(options, profile.timeout ?? set(env['KVI_TIMEOUT'])),
    verbose: options.verbose ?? isOn(env['KVI_VERBOSE']),
    readOnlyProfile: profile.readOnly === true ? name : undefined,
    username,
    password:
      (await passwordFrom(given('passwordFile'))) ??
      set(env['KVI_PASSWORD']) ??
      etcdctlPassword ??
      (username === undefined ? undefined : await ask(username, io)),
  };
}

/** Whether a variable switches something on. */
export function isOn(value: string | undefined): boolean {
  return ['1', 'true', 'yes'].includes(value?.toLowerCase() ?? '');
}

function set(value: string | number | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : String(value);
}

function configFolder(env: Io['env']): string {
  return join(set(env['XDG_CONFIG_HOME']) ?? join(set(env['HOME']) ?? homedir(), '.config'), 'kvi');
}

function timeoutOf({timeout}: GlobalOptions, text: string | undefined): number | undefined {
  if (timeout !== undefined || text === undefined) return timeout;
  try {
    return duration(text);
  } catch {
    throw usageError(
      `the timeout of the profile, or KVI_TIMEOUT, must be a time, 5s for example, not ${text}`,
    );
  }
}

/** `host:2379,https://other:2379` as one URL. */
function etcdctlUrl(env: Io['env']): string | undefined {
  const endpoints = set(env['ETCDCTL_ENDPOINTS'])
    ?.split(',')
    .map((each) => each.trim());
  if (endpoints === undefined) return undefined;
  const isTls =
    endpoints.some((each) => each.startsWith('https://')) ||
    (!endpoints.some((each) => each.includes('://')) && set(env['ETCDCTL_CACERT']) !== undefined);
  const hosts = endpoints.map((each) => each.replace(/^https?:\/\//, '').replace(/\/$/, ''));
  return `${isTls ? 'etcds' : 'etcd'}://${hosts.join(',')}`;
}

/** etcdctl takes the password apart, or after a colon. */
function etcdctlCredentials(env: Io['env']): [user: string | undefined, password: string | undefined] {
  const user = set(env['ETCDCTL_USER']);
  const password = set(env['ETCDCTL_PASSWORD']);
  if (user === undefined || password !== undefined) return [user, password];
  const colon = user.indexOf(':');
  return colon === -1 ? [user, undefined] : [user.slice(0, colon), user.slice(colon + 1)];
}

/** @returns the first line */
async function passwordFrom(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/)[0];
  } catch (error) {
    throw usageError(`cannot read ${file}: ${String(error)}`);
  }
}

/** Asks for a password on the terminal, which does not show it. @returns undefined where there is none to ask on */
async function ask(username: string, {stdin, stderr, isInteractive}: Io): Promise<string | undefined> {
  if (!isInteractive) return undefined;
  const nowhere = new Writable({write: (_chunk, _encoding, done) => done()});
  const terminal = createInterface({input: stdin(), output: nowhere, terminal: true});
  stderr.write(`Password of ${username}: `);
  try {
    return await terminal.question('');
  } finally {
    terminal.close();
    stderr.write('\n');
  }
}
