import {
  type Bytes,
  type Event,
  includesKey,
  keyId,
  type WatchRequest,
  type WatchResponse,
} from 'kvi-core/driver';
import {type ModelState, present} from './state.ts';

/** The responses that a watch has to deliver. */
export type ModelWatch =
  | {
      ok: true;
      /** One for each revision with matching events. */
      responses: WatchResponse<Bytes>[];
      /** The first revision after them, to continue from. */
      nextRevision: number;
    }
  | {ok: false; code: 'KVI_COMPACTED'; compactRevision: number};

/**
 * What a watch delivers between its start revision and the present one. To follow the store, ask again after each step,
 * with `startRevision` set to `nextRevision`: a watch that has seen what is compacted goes on.
 *
 * A driver may put several revisions into one response, as etcd does when a watch catches up. What counts is the order
 * of the events, and that a revision's come together. An event's `prevKv` is what is known when the event is delivered:
 * a driver that delivers only after a compaction has none.
 */
export function watchFrom(state: ModelState, request: WatchRequest<Bytes>): ModelWatch {
  const startRevision = request.startRevision || present(state) + 1;
  const {compactRevision} = state;
  if (startRevision < compactRevision) return {ok: false, code: 'KVI_COMPACTED', compactRevision};

  const responses: WatchResponse<Bytes>[] = [];
  for (let revision = startRevision; revision <= present(state); revision += 1) {
    const events = eventsAt(state, revision, request);
    if (events.length > 0) responses.push({revision, events});
  }
  return {ok: true, responses, nextRevision: Math.max(startRevision, present(state) + 1)};
}

function eventsAt({revisions}: ModelState, revision: number, request: WatchRequest<Bytes>): Event<Bytes>[] {
  const before = revisions[revision - 1]?.kvs;
  const events = revisions[revision]?.events ?? [];
  return events
    .filter(({type, kv}) => includesKey(request, kv.key) && !request.filters?.includes(`no${type}`))
    .map((event) => {
      const prevKv = request.prevKv === true ? before?.get(keyId(event.kv.key)) : undefined;
      return prevKv ? {...event, prevKv} : event;
    });
}
