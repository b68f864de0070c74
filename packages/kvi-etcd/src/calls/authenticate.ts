import {isKviError} from 'kvi-core/driver';
import {authenticate as method} from 'kvi-wire';
import {GrpcError} from '../failures/grpc-failures.ts';
import {isAuthNotEnabled} from '../failures/kvi-errors.ts';
import type {UnaryCalls} from './unary.ts';

/** A user's name and password. */
export interface User {
  name: string;
  password: string;
}

/** How long fetching a token may take: a password check costs etcd up to a tenth of a second, one at a time. */
const timeoutMs = 10_000;

/** Fetches a token. Returns undefined if the server has no authentication, as etcd's own client does. */
export async function authenticate(call: UnaryCalls, user: User): Promise<string | undefined> {
  try {
    const {token} = await call(
      {
        write: false,
        describe: () => `authenticate as ${JSON.stringify(user.name)}`,
        body: (send) => send(method, user),
      },
      {timeoutMs},
    );
    return token;
  } catch (error) {
    if (isKviError(error) && error.cause instanceof GrpcError && isAuthNotEnabled(error.cause))
      return undefined;
    throw error;
  }
}
