import {watch} from 'kvi-wire';
import {type Route, streaming} from '../grpc/route.ts';
import {type WatcherCount, watchStream} from '../watch/watch-stream.ts';
import type {ServiceContext} from '../store/context.ts';

/** Watches. */
export function watchService(context: ServiceContext): Route[] {
  const count: WatcherCount = {now: 0};
  return [streaming(watch, (replies, call) => watchStream(replies, call, context, count))];
}
