import type {Bench} from './bench.ts';
import {etcdCalls} from './etcd/calls.ts';
import {etcdLocks} from './etcd/locks.ts';
import {etcdWatches} from './etcd/watches.ts';
import {memCalls} from './mem/calls.ts';
import {memWatches} from './mem/watches.ts';
import type {Group} from './options.ts';
import {processStart} from './start.ts';

/** A group whose measurements are rows of the table. */
export type MeasuredGroup = Exclude<Group, 'growth'>;

/** How each is measured, with an etcd that nobody else uses. */
export const measuredGroups: Readonly<Record<MeasuredGroup, (bench: Bench, url: string) => Promise<void>>> = {
  etcd: (bench, url) => etcdCalls(bench, url),
  lock: (bench, url) => etcdLocks(bench, url),
  watch: (bench, url) => etcdWatches(bench, url),
  async mem(bench) {
    await memCalls(bench);
    await memWatches(bench);
  },
  start: (bench, url) => processStart(bench, {url}),
};
