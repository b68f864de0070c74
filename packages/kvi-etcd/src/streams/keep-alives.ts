import type {ILeaseKeepAliveRequest, ILeaseKeepAliveResponse} from 'etcd3';
import {type DriverCallOptions, isKviError, KviError, type LeaseId, abortable} from 'kvi-core/driver';
import type {Client, RequestStream} from '../client.ts';
import {publish} from '../telemetry/diagnostics.ts';
import {fromLease, toLease} from '../wire/translate.ts';

/** Keeps leases alive. */
export interface KeepAlives {
  /** @throws `KVI_LEASE_NOT_FOUND`, and what a read throws */
  keepAlive(id: LeaseId, limits: DriverCallOptions): Promise<{ttlSeconds: number}>;
}

/**
 * Sends the keepalives of all leases on one stream, which is open while answers are due: an idle handle then holds
 * nothing that would keep its process from ending.
 */
export function keepAlives(client: Client): KeepAlives {
  let current: KeepAliveStream | undefined;

  return {
    keepAlive: (id, limits) =>
      client.limited(limits, async (ended) => {
        const stream = (current ??= keepAliveStream(client, () => {
          if (current === stream) current = undefined;
        }));
        return {ttlSeconds: await stream.ask(id, ended)};
      }),
  };
}

interface KeepAliveStream {
  /** Resolves with the TTL that the lease has now. */
  ask(id: LeaseId, ended: AbortSignal): Promise<number>;
}

/** Who waits for an answer. */
interface Waiter {
  resolve: (ttlSeconds: number) => void;
  reject: (error: KviError) => void;
}

function keepAliveStream(client: Client, onOver: () => void): KeepAliveStream {
  /** For each lease, who asked for it, in order: etcd answers in the order of the requests. */
  const due = new Map<LeaseId, Waiter[]>();
  /** How many still wait; who gave up keeps a place in `due`, because the answer still comes. */
  let waiting = 0;
  const over = new AbortController();

  const opened = client.stream<ILeaseKeepAliveRequest, ILeaseKeepAliveResponse>(
    'keep leases alive',
    ({lease}) => lease.leaseKeepAlive(),
    {onResponse, onEnd: end},
    over.signal,
  );
  opened.catch(end);

  function onResponse({ID, TTL}: ILeaseKeepAliveResponse): void {
    const id = fromLease(ID);
    const waiter = due.get(id)?.shift();
    if (TTL === '0')
      waiter?.reject(new KviError('KVI_LEASE_NOT_FOUND', `lease ${id} has expired or was revoked`));
    else waiter?.resolve(Number(TTL));
  }

  function end(error: KviError): void {
    if (over.signal.aborted) return;
    over.abort();
    onOver();
    if (waiting > 0 && error.code !== 'KVI_CLOSED') {
      publish('kvi:etcd:keep-alive-lost', () => ({endpoints: client.name, waiting, code: error.code}));
    }
    for (const waiter of [...due.values()].flat()) waiter.reject(error);
  }

  async function ask(id: LeaseId, ended: AbortSignal): Promise<number> {
    waiting += 1;
    try {
      const answer = new Promise<number>((resolve, reject) => {
        due.set(id, [...(due.get(id) ?? []), {resolve, reject}]);
      });
      withStream((stream) => {
        if (!over.signal.aborted) stream.write({ID: toLease(id)});
      });
      return await abortable(answer, ended);
    } catch (error) {
      if (isKviError(error, 'KVI_TIMEOUT')) leave();
      throw error;
    } finally {
      waiting -= 1;
      if (waiting === 0 && !over.signal.aborted) {
        over.abort();
        onOver();
        withStream((stream) => {
          stream.cancel();
        });
      }
    }
  }

  /** A lease cannot wait until gRPC finds out that the member hangs: later keepalives go to another. */
  function leave(): void {
    onOver();
    withStream((stream) => {
      stream.avoid('a keepalive timed out');
    });
  }

  function withStream(use: (stream: RequestStream<ILeaseKeepAliveRequest>) => void): void {
    opened.then(use, () => undefined);
  }

  return {ask};
}
