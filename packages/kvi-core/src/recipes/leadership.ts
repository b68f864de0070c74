import type {WriteOptions} from '../api/call-options.ts';
import type {Kvi} from '../api/kvi.ts';
import type {Input} from '../etcd/bytes.ts';
import {isKviError, KviError} from '../etcd/errors.ts';
import type {TxnRequest} from '../etcd/messages.ts';
import type {Tenure} from '../primitives/tenure.ts';

/** An election that was won. */
export interface Leadership extends AsyncDisposable {
  readonly key: string;
  /**
   * The fencing token: each later leader's is higher, so that whoever is sent it can refuse an older one. In the store itself,
   * a compare of the create revision of `key` with it does.
   */
  readonly token: number;
  /**
   * Aborts when the leadership is over though it was not resigned: with `KVI_LEADERSHIP_LOST` when it was lost, before its
   * lease can have ended on the server; with `KVI_CLOSED` when the handle, or the `lease` that was passed, was closed or
   * revoked here. After a stall of the event loop, reading `aborted` tells the truth even though the event comes late.
   */
  readonly signal: AbortSignal;
  /** Whether it is certain to lead still. */
  isLeading(): boolean;
  /**
   * Replaces the value that {@link Election.leader} and {@link Election.observe} tell, and puts the key under its lease again
   * if somebody took it from there.
   *
   * @throws `KVI_LEADERSHIP_LOST` if it leads no more, also because it was resigned; nothing was changed
   */
  proclaim(value: Input, options?: WriteOptions): Promise<void>;
  /**
   * Lets the next candidate lead. Resigning twice is fine; the end of an `await using` block resigns too.
   *
   * @throws `KVI_LEADERSHIP_LOST` if it was lost before: another may have led meanwhile
   */
  resign(): Promise<void>;
}

/** What the function of {@link Election.runAsLeader} gets. */
export type Term = Pick<Leadership, 'key' | 'token' | 'signal' | 'isLeading' | 'proclaim'>;

/** What the winner of an election gets. */
export function leadershipOf(kv: Kvi<Input>, name: string, own: Tenure): Leadership {
  const {key, token, signal} = own;
  const resign = () => own.end();

  async function proclaim(value: Input, writeOptions?: WriteOptions): Promise<void> {
    signal.throwIfAborted();
    if (!own.isCurrent()) throw hasBeenResigned(name);
    const request: TxnRequest<Input> = {
      compare: [{key, target: 'create', result: '=', createRevision: token}],
      // With the lease, which whoever overwrote the key by hand took from it.
      success: [{type: 'put', key, value, lease: own.lease}],
    };
    const {succeeded} = await kv.txn(request, writeOptions).catch((error: unknown) => {
      throw isKviError(error, 'KVI_LEASE_NOT_FOUND') ? leadershipLost(name, error) : error;
    });
    if (!succeeded) throw leadershipLost(name, signal.reason);
  }

  return {
    key,
    token,
    signal,
    isLeading: () => own.isCurrent(),
    proclaim,
    resign,
    [Symbol.asyncDispose]: resign,
  };
}

/** Resigns. @returns false if the leadership was lost before; what the store could not be told ends with the lease's TTL */
export async function resigned(leadership: Leadership): Promise<boolean> {
  try {
    await leadership.resign();
    return true;
  } catch (error) {
    return !isKviError(error, 'KVI_LEADERSHIP_LOST');
  }
}

function hasBeenResigned(name: string): KviError {
  return new KviError(
    'KVI_LEADERSHIP_LOST',
    `the leadership of ${JSON.stringify(name)} was resigned; campaign again to lead`,
  );
}

/** The error for a leadership that is over, though nobody resigned. */
export function leadershipLost(name: string, cause: unknown): KviError {
  return new KviError(
    'KVI_LEADERSHIP_LOST',
    `the leadership of ${JSON.stringify(name)} was lost before it was resigned; another may lead`,
    {cause},
  );
}
