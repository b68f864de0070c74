import type {WriteOptions} from '../api/call-options.ts';
import {withDeadline} from '../async/deadline.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {nextKey} from '../etcd/key-range.ts';
import type {TxnRequest} from '../etcd/messages.ts';
import {optionNames} from '../kvi/option-names.ts';
import {type Codec, decodeValue} from './codec.ts';
import type {QueueContext} from './queue-context.ts';
import type {Job} from './queue-layout.ts';
import {burying, reviving} from './queue-moves.ts';

/** A job that was given up: it came back after its last attempt. */
export interface DeadLetter<Out> {
  readonly id: string;
  /** What was added. @throws `KVI_INVALID_VALUE` if the codec cannot decode it, which may be what it was given up for */
  readonly value: Out;
  /** How often it was taken. */
  readonly attempts: number;
  /** Why attempts failed, as far as somebody said; the newest last. The newest 16 are kept. */
  readonly reasons: readonly string[];
  /**
   * Puts the job back in the place that it had, with all its attempts before it. Its `dedupKey` is not remembered again.
   *
   * @returns false if it is no longer a dead letter: another has put it back, or deleted it
   * @throws as {@link Kvi.txn}
   */
  putBack(options?: WriteOptions): Promise<boolean>;
  /**
   * Deletes it for good.
   *
   * @returns false if it is no longer a dead letter
   * @throws as {@link Kvi.txn}
   */
  delete(options?: WriteOptions): Promise<boolean>;
}

/** Dead letters that are read at once. Their values are read one by one, as each may be as large as a request. */
const pageSize = 64;

/** The dead letters of a queue, in the order of their ids, as they are when the iteration comes to them. */
export async function* deadLetters<Out>(
  {handle, layout}: Pick<QueueContext, 'handle' | 'layout'>,
  codec: Codec<Out, never>,
  signal: AbortSignal | undefined,
): AsyncGenerator<DeadLetter<Out>, undefined> {
  const {driver, closing} = handle;
  const read = (key: Bytes, rangeEnd?: Bytes, limit = 1) =>
    withDeadline(driver.clock, {signal, closing}, (ended) =>
      driver.range({key, rangeEnd, limit}, {signal: ended}),
    );

  async function letterOf(job: Job, stored: Bytes): Promise<DeadLetter<Out>> {
    const {id, record} = job;
    const {attempts, reasons = []} = record;
    const value = await outcomeOf(decodeValue(codec, stored, id));
    return {
      id,
      get value() {
        return value();
      },
      attempts,
      reasons,
      putBack: (options) => change(reviving(layout, {...job, record: {attempts: 0, reasons}}), options),
      delete: (options) => change(burying(layout, job), options),
    };
  }

  async function change(request: TxnRequest<Bytes>, options: WriteOptions | undefined): Promise<boolean> {
    const {succeeded} = await handle.begin(options, optionNames.write, (own) => handle.txn(request, own));
    return succeeded;
  }

  const {key: start, rangeEnd} = layout.all('dead');
  for (let key = start; ;) {
    const {kvs, more} = await read(key, rangeEnd, pageSize);
    for (const entry of kvs) {
      const job = layout.jobOf('dead', entry);
      const [stored] = (await read(layout.key('values', job.id))).kvs;
      // Without its value, it has been dealt with since the page was read.
      if (stored !== undefined) yield await letterOf(job, stored.value);
      key = nextKey(entry.key);
    }
    if (!more) return;
  }
}

/** What a promise brings, to be returned or thrown later. */
async function outcomeOf<R>(promise: Promise<R>): Promise<() => R> {
  try {
    const result = await promise;
    return () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
