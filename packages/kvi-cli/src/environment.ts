import type {Io} from './io.ts';

/** The settings that variables of the environment hold. */
export interface Variables {
  url?: string | undefined;
  /** `5s`, for example. */
  timeout?: string | undefined;
  profile?: string | undefined;
  username?: string | undefined;
  password?: string | undefined;
  /** The only user that the password is for. Default: any. */
  belongsToUser?: string | undefined;
  /** A file, as are `cacert`, `cert` and `key`. */
  passwordFile?: string | undefined;
  cacert?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
}

type Environment = Io['env'];

/** The value of a variable; an empty one counts as unset. */
export function variable(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === '' ? undefined : value;
}

/** Whether a variable switches something on. */
export function isOn(value: string | undefined): boolean {
  return ['1', 'true', 'yes'].includes(value?.toLowerCase() ?? '');
}

/** The variables that are kvi's own. */
export function kviVariables(env: Environment): Variables {
  const own = (name: string) => variable(env, `KVI_${name}`);
  return {
    url: own('URL'),
    timeout: own('TIMEOUT'),
    profile: own('PROFILE'),
    username: own('USERNAME'),
    password: own('PASSWORD'),
    passwordFile: own('PASSWORD_FILE'),
    cacert: own('CACERT'),
    cert: own('CERT'),
    key: own('KEY'),
  };
}

/** The variables of etcdctl, as etcdctl reads them. */
export function etcdctlVariables(env: Environment): Variables {
  const theirs = (name: string) => variable(env, `ETCDCTL_${name}`);
  const cacert = theirs('CACERT');
  return {
    url: urlOf(theirs('ENDPOINTS'), cacert !== undefined),
    ...userOf(theirs('USER'), theirs('PASSWORD')),
    cacert,
    cert: theirs('CERT'),
    key: theirs('KEY'),
  };
}

/** `host:2379,https://other:2379` as one URL. */
function urlOf(list: string | undefined, hasAuthority: boolean): string | undefined {
  const endpoints = list?.split(',').map((each) => each.trim());
  if (endpoints === undefined) return undefined;
  const hasScheme = endpoints.some((each) => each.includes('://'));
  const isTls = hasScheme ? endpoints.some((each) => each.startsWith('https://')) : hasAuthority;
  const hosts = endpoints.map((each) => each.replace(/^https?:\/\//, '').replace(/\/$/, ''));
  return `${isTls ? 'etcds' : 'etcd'}://${hosts.join(',')}`;
}

/** The password has a variable of its own, or follows the user after a colon. */
function userOf(user: string | undefined, password: string | undefined): Variables {
  const colon = user?.indexOf(':') ?? -1;
  if (user === undefined || password !== undefined || colon === -1) {
    return {username: user, password, belongsToUser: user};
  }
  const username = user.slice(0, colon);
  return {username, password: user.slice(colon + 1), belongsToUser: username};
}
