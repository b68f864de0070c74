import {type Bytes, type Event, includesKey, type WatchRequest} from 'kvi-core/driver';

/** Whether a watch with this request has to deliver an event. */
export function isDue(request: WatchRequest<Bytes>, {type, kv: {key, modRevision}}: Event<Bytes>): boolean {
  const {startRevision = 0, filters = []} = request;
  const unwanted = type === 'put' ? 'noput' : 'nodelete';
  return modRevision >= startRevision && includesKey(request, key) && !filters.includes(unwanted);
}
