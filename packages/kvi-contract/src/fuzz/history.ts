import {
  type Bytes,
  compareBytes,
  type Event,
  type KeyRange,
  endOfKeyspace,
  type WatchRequest,
} from 'kvi-core/driver';

/** Whether a watch that asks for this has to be given an event. */
export function isDue(request: WatchRequest<Bytes>, {type, kv: {key, modRevision}}: Event<Bytes>): boolean {
  const {startRevision = 0, filters = []} = request;
  const unwanted = type === 'put' ? 'noput' : 'nodelete';
  return modRevision >= startRevision && covers(request, key) && !filters.includes(unwanted);
}

function covers({key: start, rangeEnd}: KeyRange<Bytes>, key: Bytes): boolean {
  if (rangeEnd === undefined || rangeEnd.length === 0) return compareBytes(start, key) === 0;
  if (compareBytes(start, key) > 0) return false;
  return compareBytes(rangeEnd, endOfKeyspace) === 0 || compareBytes(key, rangeEnd) < 0;
}
