/**
 * What services build on a {@link Kvi}: each recipe is a function over a handle, in a file of its own, and one line here.
 * CONTRIBUTING.md tells how to add one.
 */
export * from './atomically.ts';
export {bytes, type Codec, json, utf8} from './codec.ts';
export type {DeadLetter} from './dead-letters.ts';
export * from './counter.ts';
export * from './discovery.ts';
export * from './election.ts';
export {eventValue, type EventValue, type EventValues, type SetOptions} from './event-value.ts';
export * from './export-keys.ts';
export * from './import-keys.ts';
export type {ImportCounts, ImportedChange} from './import-writes.ts';
export type {Instance} from './instance.ts';
export type {JobOptions} from './job-options.ts';
export * from './key-history.ts';
export type {Leadership, Term} from './leadership.ts';
export * from './memory-value.ts';
export * from './mirror.ts';
export * from './namespace.ts';
export * from './pipe-value.ts';
export * from './queue.ts';
export type {NackOptions, QueueItem} from './queue-item.ts';
export * from './scan.ts';
export * from './semaphore.ts';
export * from './sequence.ts';
export type * from './standard-schema.ts';
export * from './typed.ts';
export type * from './typed-kvi.ts';
export type {UnitOfWork} from './unit-of-work.ts';
export type {GetSeenOptions, Seen, ValueWatcher, WatchValueOptions} from './value-watcher.ts';
