import type {Kvi} from '../api/kvi.ts';
import {onAbort} from '../async/abort.ts';
import {retryUntil} from '../async/retry-until.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {closed} from '../etcd/errors.ts';
import {nextKey} from '../etcd/key-range.ts';
import {mayPass} from '../primitives/contender.ts';
import {claimFirst, type Claim} from './queue-claim.ts';
import type {QueueContext} from './queue-context.ts';
import {countOf, counting} from './queue-depth.ts';
import type {Job} from './queue-layout.ts';
import {queueNews} from './queue-news.ts';
import {putOrphansBack} from './queue-orphans.ts';

/** The consumers of one handle that wait for jobs of one queue. */
export interface QueueLine {
  /**
   * Waits for at least one job, first come, first served.
   *
   * @param max - how many to take if there are as many
   * @throws the reason of `ended`; what the store refuses
   */
  next(max: number, ended: AbortSignal): Promise<Claim[]>;
}

interface Consumer {
  max: number;
  resolve: (claims: Claim[]) => void;
  reject: (error: Error) => void;
}

/** Jobs that are taken at once, at most. */
const maxAtOnce = 128;
/** How many jobs one transaction looks at: as many handles may take a job at the same moment without one of them failing. */
const rivals = 8;
/** Jobs in a page. Their records are small. */
const pageSize = 64;

/**
 * Takes jobs for all who wait, so that they do not compete for one: as long as somebody waits, it looks what is ready, takes
 * as many jobs as are wanted, and hands them out; when there are none, it waits for news.
 */
export function queueLine(context: QueueContext, kv: Kvi<Bytes>): QueueLine {
  const {layout, handle} = context;
  const {driver, holdings} = handle;
  const waiting = new Set<Consumer>();
  let idle = new AbortController();
  let isRunning = false;
  /** After the last job of the page that was read last: what comes before it is first, whatever is behind it. */
  let endOfPage: Bytes | undefined;

  function next(max: number, ended: AbortSignal): Promise<Claim[]> {
    return new Promise((resolve, reject) => {
      const consumer: Consumer = {
        max,
        resolve(claims) {
          ignoreEnd();
          resolve(claims);
        },
        reject(error) {
          ignoreEnd();
          reject(error);
        },
      };
      waiting.add(consumer);
      const ignoreEnd = onAbort(ended, () => {
        waiting.delete(consumer);
        if (waiting.size === 0) idle.abort(closed());
        reject(ended.reason as Error);
      });
      start();
    });
  }

  function start(): void {
    if (isRunning) return;
    isRunning = true;
    idle = new AbortController();
    const running = serve(idle.signal);
    // A job may be on its way to somebody who has left.
    const release = holdings.add(() => running);
    void running.finally(() => {
      release();
      isRunning = false;
      if (waiting.size > 0) start();
    });
  }

  /** Serves those who wait, until nobody does. Never throws: what goes wrong is told to them. */
  async function serve(signal: AbortSignal): Promise<void> {
    const news = queueNews(driver, layout, signal);

    async function round(): Promise<void> {
      const {jobs, mayHaveOrphans} = await look(signal);
      if (mayHaveOrphans && (await putOrphansBack(context, kv, signal)) > 0) return;
      if (jobs.length === 0) await news.next();
      else await handOut(await claimAll(jobs, signal));
    }

    try {
      while (waiting.size > 0) await retryUntil(driver.clock, signal, round, mayPass);
    } catch (error) {
      // Not to those who have come since everybody had left.
      if (!signal.aborted) for (const consumer of takeAll()) consumer.reject(error as Error);
    } finally {
      await news.end();
    }
  }

  function takeAll(): Consumer[] {
    const all = [...waiting];
    waiting.clear();
    return all;
  }

  function wanted(): number {
    let sum = 0;
    for (const {max} of waiting) sum += max;
    return Math.min(sum, maxAtOnce);
  }

  /**
   * Reads the first jobs, and whether some are hidden for no reason: there are more of them than holds. etcd counts whatever is
   * in a range, also beyond its limit, so the range ends with the last page as long as there is enough in it.
   */
  async function look(signal: AbortSignal): Promise<{jobs: Job[]; mayHaveOrphans: boolean}> {
    const {key, rangeEnd} = layout.all('ready');
    const limit = wanted() + rivals - 1;
    const isPage = endOfPage === undefined;
    const {responses} = await driver.txn(
      {
        success: [
          {
            type: 'range',
            key,
            rangeEnd: endOfPage ?? rangeEnd,
            limit: isPage ? Math.max(limit, pageSize) : limit,
          },
          counting(layout, 'hidden'),
          counting(layout, 'holds'),
        ],
      },
      {signal},
    );
    const [ready] = responses;
    // Stryker disable next-line all: a transaction answers each of its operations
    const {kvs, more} = ready?.type === 'range' ? ready : {kvs: [], more: false};
    const last = kvs.at(-1);
    if (isPage) endOfPage = more && last !== undefined ? nextKey(last.key) : undefined;
    else if (kvs.length < wanted()) {
      endOfPage = undefined;
      return look(signal);
    }
    return {
      jobs: kvs.map((entry) => layout.jobOf('ready', entry)),
      mayHaveOrphans: countOf(responses[1]) > countOf(responses[2]),
    };
  }

  /** Takes as many as are wanted, the first that nobody else takes. */
  async function claimAll(jobs: readonly Job[], signal: AbortSignal): Promise<Claim[]> {
    const results = await Promise.allSettled(
      jobs.slice(0, wanted()).map((_, i) => claimFirst(context, jobs.slice(i, i + rivals), signal)),
    );
    const claims = results.flatMap((result) => (result.status === 'fulfilled' ? (result.value ?? []) : []));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined && claims.length === 0) throw failure.reason;
    return claims;
  }

  /** In the order of the jobs, which others may have disturbed. */
  async function handOut(claims: Claim[]): Promise<void> {
    claims.sort((one, other) => (one.id < other.id ? -1 : 1));
    for (const consumer of waiting) {
      if (claims.length === 0) break;
      waiting.delete(consumer);
      consumer.resolve(claims.splice(0, consumer.max));
    }
    // Those who wanted the rest have left.
    await Promise.all(claims.map((left) => left.undo()));
  }

  return {next};
}
