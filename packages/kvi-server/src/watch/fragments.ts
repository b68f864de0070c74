import {type SentEvent, type SentWatchResponse, watch} from 'kvi-wire';

/**
 * Splits a response that is larger than a client can receive. All parts but the last are marked, and a part has one event at
 * least, whatever its size.
 *
 * @param maxBytes - of a part
 */
export function fragments(response: SentWatchResponse, maxBytes: number): SentWatchResponse[] {
  const {events = [], ...rest} = response;
  if (events.length < 2 || sizeOf(response) < maxBytes) return [response];
  const empty = sizeOf({...rest, fragment: true});
  const parts: SentEvent[][] = [];
  let size = Infinity;
  for (const event of events) {
    const eventSize = sizeOf({events: [event]});
    const part = parts.at(-1);
    if (part !== undefined && size + eventSize < maxBytes) {
      part.push(event);
      size += eventSize;
    } else {
      parts.push([event]);
      size = empty + eventSize;
    }
  }
  return parts.map((part, i) => ({...rest, events: part, fragment: i < parts.length - 1}));
}

function sizeOf(response: SentWatchResponse): number {
  return watch.encodeResponse(response).length;
}
