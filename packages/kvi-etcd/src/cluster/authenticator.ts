import {callHeaders, type CallHeaders} from './connection.ts';

/**
 * Holds the headers that prove to etcd who the caller is. Fetching a token is slow on purpose (bcrypt), so all calls
 * share it.
 */
export interface Authenticator {
  /** The headers to send; undefined until a token has been fetched. */
  readonly headers: CallHeaders | undefined;
  /** Fetches a token, or waits for the one that is being fetched. */
  fetch(): Promise<CallHeaders>;
  /**
   * The server refused the token in these headers: the next call fetches another.
   *
   * @returns whether there are credentials to fetch another with
   */
  refused(headers: CallHeaders): boolean;
}

/** For callers without credentials. */
export function noAuthentication(): Authenticator {
  const headers = callHeaders();
  return {headers, fetch: () => Promise.resolve(headers), refused: () => false};
}

/** @param authenticate - fetches a token, if the server wants one */
export function authenticator(authenticate: () => Promise<string | undefined>): Authenticator {
  let headers: CallHeaders | undefined;
  let fetching: Promise<CallHeaders> | undefined;

  async function fetch(): Promise<CallHeaders> {
    try {
      headers = callHeaders(await authenticate());
      return headers;
    } finally {
      fetching = undefined;
    }
  }

  return {
    get headers() {
      return headers;
    },
    fetch: () => (fetching ??= fetch()),
    refused(refused) {
      // If a token is refused many times, only the first refusal drops it; the other calls share the next token.
      if (headers === refused) headers = undefined;
      return true;
    },
  };
}
