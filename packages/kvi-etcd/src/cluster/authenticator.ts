/** The token that proves to etcd who calls. Fetching one is slow on purpose (bcrypt), so that all calls share it. */
export interface Authenticator {
  /** The token to send; `undefined` where none is needed. Fetches one if there is none yet. */
  token(): Promise<string | undefined>;
  /**
   * The server refused this token: the next call fetches another.
   *
   * @returns whether there are credentials to fetch another with
   */
  refused(token: string | undefined): boolean;
}

/** @param authenticate fetches a token; `undefined` when there are no credentials */
export function authenticator(authenticate: (() => Promise<string | undefined>) | undefined): Authenticator {
  if (authenticate === undefined) return {token: () => Promise.resolve(undefined), refused: () => false};
  const fetch = authenticate;
  let current: {promise: Promise<string | undefined>; token?: string | undefined} | undefined;

  function start(): Promise<string | undefined> {
    const promise = fetch();
    const mine: typeof current = {promise};
    current = mine;
    promise.then(
      (token) => {
        mine.token = token;
      },
      () => {
        if (current === mine) current = undefined;
      },
    );
    return promise;
  }

  return {
    token: () => current?.promise ?? start(),
    refused(token) {
      // Of many calls that were refused one token, only the first drops it; the others share what that one fetches.
      if (current !== undefined && 'token' in current && current.token === token) current = undefined;
      return true;
    },
  };
}
