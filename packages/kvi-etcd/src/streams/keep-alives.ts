import {
  abortable,
  type DriverCallOptions,
  isKviError,
  type KviError,
  type LeaseId,
  type LeaseKeepAliveResponse,
} from 'kvi-core/driver';
import type {Scopes} from '../async/scopes.ts';
import type {Member} from '../cluster/members.ts';
import {publish} from '../telemetry/diagnostics.ts';
import type {Renewals} from '../calls/renewals.ts';
import {type KeepAliveMessage, leaseKeepAlive, revisionOf} from 'kvi-wire';
import {leaseNotFound} from '../failures/kvi-errors.ts';
import type {RequestStream, RequestStreams} from './request-streams.ts';

/** Keeps leases alive. */
export interface KeepAlives {
  /** @throws `KVI_LEASE_NOT_FOUND`, and what a read throws */
  keepAlive(id: LeaseId, limits: DriverCallOptions): Promise<LeaseKeepAliveResponse>;
}

/**
 * Sends the keepalives of all leases on one stream. It is open only while responses are due, so that an idle handle does
 * not keep its process alive.
 *
 * @param renewals - says which renewals hold
 */
export function keepAlives(streams: RequestStreams, scopes: Scopes, renewals: Renewals): KeepAlives {
  let current: KeepAliveStream | undefined;
  /** The member that left a keepalive unanswered. */
  let silent: Member | undefined;

  return {
    keepAlive: (id, limits) =>
      scopes.run(limits, async (ended) => {
        const stream = (current ??= keepAliveStream(streams, {
          avoid: silent,
          onOver() {
            if (current === stream) current = undefined;
          },
          onSilent(member) {
            silent = member;
          },
        }));
        const {header, ttl} = await stream.ask(id, ended);
        await abortable(renewals.confirm(header?.raftTerm ?? 0), ended);
        return {revision: revisionOf(header), ttlSeconds: ttl};
      }),
  };
}

interface KeepAliveStream {
  ask(id: LeaseId, ended: AbortSignal): Promise<KeepAliveMessage>;
}

/** A call that waits for its response. */
interface Waiter {
  resolve: (renewal: KeepAliveMessage) => void;
  reject: (error: KviError) => void;
}

interface KeepAliveStreamOptions {
  /** A member to send no keepalives to if there is another. */
  avoid: Member | undefined;
  /** Called when later keepalives need another stream. */
  onOver: () => void;
  /** Called with a member that leaves a keepalive unanswered. */
  onSilent: (member: Member) => void;
}

function keepAliveStream(
  streams: RequestStreams,
  {avoid, onOver, onSilent}: KeepAliveStreamOptions,
): KeepAliveStream {
  /** The waiters of each lease, in the order of their requests, which is the order of etcd's responses. */
  const due = new Map<LeaseId, Waiter[]>();
  /** How many still wait. A waiter that gave up stays in `due`, because its response still comes. */
  let waiting = 0;
  const over = new AbortController();

  const opened = streams.open(
    'keep leases alive',
    leaseKeepAlive,
    {onResponse, onEnd: end},
    over.signal,
    avoid,
  );
  opened.catch(end);

  function onResponse(response: KeepAliveMessage): void {
    const {id, ttl} = response;
    const waiter = due.get(id)?.shift();
    if (ttl === 0) waiter?.reject(leaseNotFound(id));
    else waiter?.resolve(response);
  }

  function end(error: KviError): void {
    if (over.signal.aborted) return;
    over.abort();
    onOver();
    if (waiting > 0 && error.code !== 'KVI_CLOSED') {
      publish('kvi:etcd:keep-alive-lost', () => ({endpoints: streams.name, waiting, code: error.code}));
    }
    for (const waiter of [...due.values()].flat()) waiter.reject(error);
  }

  async function ask(id: LeaseId, ended: AbortSignal): Promise<KeepAliveMessage> {
    waiting += 1;
    try {
      const answer = new Promise<KeepAliveMessage>((resolve, reject) => {
        due.set(id, [...(due.get(id) ?? []), {resolve, reject}]);
      });
      withStream((stream) => {
        if (!over.signal.aborted) stream.write({id});
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

  /** Sends later keepalives to another member: a lease cannot wait until pings show that this one hangs. */
  function leave(): void {
    onOver();
    withStream(({member}) => {
      onSilent(member);
    });
  }

  function withStream(use: (stream: RequestStream<{id: LeaseId}>) => void): void {
    opened.then(use, () => undefined);
  }

  return {ask};
}
