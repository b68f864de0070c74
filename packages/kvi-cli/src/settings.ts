import {readFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import {join} from 'node:path';
import {hasUser} from './endpoints.ts';
import {etcdctlVariables, isOn, kviVariables, variable, type Variables} from './environment.ts';
import {messageOf, usageError} from './failures.ts';
import type {Io} from './io.ts';
import {duration} from './parsers.ts';
import {askPassword} from './password-prompt.ts';
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

/** The options, the environment and the profile, merged. */
export interface Settings {
  url: string | undefined;
  timeoutMs: number;
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

/** The settings that options, profiles and variables have in common. */
type Source = Omit<Variables, 'timeout'>;

const defaultTimeoutMs = 5_000;

/**
 * Merges the settings. An option wins over kvi's variables, they over the profile of `KVI_PROFILE`, and that over etcdctl's
 * variables. A profile that the command line names counts as an option: `--profile staging` means that store, whatever
 * the shell exports.
 *
 * @throws `KVI_INVALID_ARGUMENT` for a variable, a profile or a file that is wrong
 */
export async function readSettings(options: GlobalOptions, io: Io): Promise<Settings> {
  const own = kviVariables(io.env);
  const name = options.profile ?? own.profile;
  const {readOnly, ...profile} = name === undefined ? {} : await readProfile(name, configFolder(io.env));
  const [stronger, weaker] = options.profile === undefined ? [own, profile] : [profile, own];
  const sources: Source[] = [options, stronger, weaker, etcdctlVariables(io.env)];
  const first = <F extends keyof Source>(field: F): Source[F] =>
    sources.map((source) => source[field]).find((value) => value !== undefined);
  return {
    url: first('url'),
    timeoutMs: options.timeout ?? parseTimeout(stronger.timeout ?? weaker.timeout),
    verbose: options.verbose ?? isOn(io.env['KVI_VERBOSE']),
    readOnlyProfile: readOnly === true ? name : undefined,
    ...(await credentials(sources, io)),
    namesCertificates: [options.cacert, options.cert, options.key].some((file) => file !== undefined),
    cacert: first('cacert'),
    cert: first('cert'),
    key: first('key'),
  };
}

/** `XDG_CONFIG_HOME` or `~/.config`, and `kvi` in it. */
function configFolder(env: Io['env']): string {
  const home = variable(env, 'HOME') ?? homedir();
  return join(variable(env, 'XDG_CONFIG_HOME') ?? join(home, '.config'), 'kvi');
}

function parseTimeout(text: string | undefined): number {
  if (text === undefined) return defaultTimeoutMs;
  try {
    return duration(text);
  } catch {
    throw usageError(`the timeout of the profile, or KVI_TIMEOUT, must be a time such as 5s, not ${text}`);
  }
}

/**
 * The user, and the password that comes with the user or from a source that wins over it, or else the terminal. A user in
 * the URL wins as the URL does: the driver reads it.
 */
async function credentials(
  sources: readonly Source[],
  io: Io,
): Promise<Pick<Settings, 'username' | 'password'>> {
  const isNamed = ({url, username}: Source) => username !== undefined || hasUser(url);
  const username = sources.find(isNamed)?.username;
  if (username === undefined && sources.some(isNamed)) return {username, password: undefined};
  for (const {passwordFile, password, belongsToUser = username} of sources) {
    if (belongsToUser !== username) continue;
    if (passwordFile !== undefined) return {username, password: await readPassword(passwordFile)};
    if (password !== undefined) return {username, password};
  }
  return {username, password: username === undefined ? undefined : await askPassword(username, io)};
}

/** @returns the first line of the file */
async function readPassword(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/)[0];
  } catch (error) {
    throw usageError(`cannot read ${file}: ${messageOf(error)}`);
  }
}
