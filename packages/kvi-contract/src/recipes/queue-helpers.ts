import assert from 'node:assert/strict';
import type {Kvi} from 'kvi-core';
import {
  type Added,
  type AddOptions,
  type Queue,
  queue,
  type QueueItem,
  type QueueOptions,
  utf8,
} from 'kvi-core/recipes';
import {keysOf, soon} from '../kvi/helpers.ts';
import type {CaseContext} from '../suite.ts';

/** The queue of a case, of text. */
export function jobsOf(
  kv: Kvi,
  {key}: Pick<CaseContext, 'key'>,
  options?: Partial<QueueOptions<string>>,
): Queue<string> {
  return queue(kv, key('q'), {codec: utf8, ...options});
}

/** Takes an item, which has to come soon. */
export function takeSoon<Out>(
  jobs: Pick<Queue<Out>, 'take'>,
  promise = 'an item comes',
): Promise<QueueItem<Out>> {
  return soon(jobs.take(), promise);
}

/** Takes and acks what there is, one by one. */
export async function drain(jobs: Queue<string>, count: number): Promise<string[]> {
  const values: string[] = [];
  while (values.length < count) {
    const item = await takeSoon(jobs, `item ${values.length + 1} of ${count} comes`);
    values.push(item.value);
    await item.ack();
  }
  return values;
}

/** Asserts that nothing is left of the queue. */
export async function assertEmpty(kv: Kvi, context: Pick<CaseContext, 'prefix'>, why: string): Promise<void> {
  assert.deepEqual(await keysOf(kv, context), [], why);
}

/** The keys of the queue without the ids in them, as a case names it: `q/ready`. */
export async function foldersOf(kv: Kvi, context: Pick<CaseContext, 'prefix'>): Promise<string[]> {
  return (await keysOf(kv, context)).map((found) => found.slice(0, found.lastIndexOf('/')));
}

/** The dead letters there are. */
export async function lettersOf(jobs: Queue<string>) {
  const letters = [];
  for await (const letter of jobs.deadLetters()) letters.push(letter);
  return letters;
}

/** Adds many jobs at once, which may take a while on a machine under load. */
export function addAll(
  jobs: Queue<string>,
  values: readonly string[],
  options?: AddOptions,
): Promise<Added[]> {
  return Promise.all(values.map((value) => jobs.add(value, {timeoutMs: 60_000, ...options})));
}

/** `0`, `1`, and so on. */
export function numbers(count: number, from = 0): string[] {
  return Array.from({length: count}, (_, n) => String(from + n));
}
