import type {Kvi} from '../api/kvi.ts';
import {onAbort} from '../async/abort.ts';
import {retryUntil} from '../async/retry-until.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {closed} from '../etcd/errors.ts';
import {mayPass} from '../primitives/contender.ts';
import {claim, type Claim} from './queue-claim.ts';
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

/**
 * Takes jobs for all who wait, so that they do not compete for one: as long as somebody waits, it looks what is ready, takes
 * as many jobs as are wanted, and hands them out; when there are none, it waits for news.
 *
 * @param onIdle - called when nobody waits any more
 */
export function queueLine(context: QueueContext, kv: Kvi<Bytes>, onIdle: () => void): QueueLine {
  const {layout, handle} = context;
  const {driver, holdings} = handle;
  const waiting = new Set<Consumer>();
  let idle = new AbortController();
  let isRunning = false;

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
      else onIdle();
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

  /** Reads the first jobs, and whether some are hidden for no reason: there are more of them than holds. */
  async function look(signal: AbortSignal): Promise<{jobs: Job[]; mayHaveOrphans: boolean}> {
    const {responses} = await driver.txn(
      {
        success: [
          {type: 'range', ...layout.all('ready'), limit: wanted()},
          counting(layout, 'hidden'),
          counting(layout, 'holds'),
        ],
      },
      {signal},
    );
    const [ready] = responses;
    const kvs = ready?.type === 'range' ? ready.kvs : [];
    return {
      jobs: kvs.map((entry) => layout.jobOf('ready', entry)),
      mayHaveOrphans: countOf(responses[1]) > countOf(responses[2]),
    };
  }

  /** Takes each job that nobody else takes. */
  async function claimAll(jobs: readonly Job[], signal: AbortSignal): Promise<Claim[]> {
    const results = await Promise.allSettled(jobs.map((job) => claim(context, job, signal)));
    const claims = results.flatMap((result) => (result.status === 'fulfilled' ? (result.value ?? []) : []));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined && claims.length === 0) throw failure.reason;
    return claims;
  }

  async function handOut(claims: Claim[]): Promise<void> {
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
