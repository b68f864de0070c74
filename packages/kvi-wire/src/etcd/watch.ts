/** Watches. */
import {
  bool,
  bytes,
  choice,
  int64,
  message,
  named,
  nested,
  type Received,
  repeated,
  type Sent,
  text,
} from '../protobuf/protobuf.ts';
import {wholeHeader} from './header.ts';
import {rangeEnd} from './key-range.ts';
import {keyValue} from './key-value.ts';
import {method} from './method.ts';

const watchCreate = message(
  {
    key: bytes(1),
    rangeEnd: rangeEnd(2),
    startRevision: int64(3),
    progressNotify: bool(4),
    filters: repeated(choice(5, ['noput', 'nodelete'])),
    prevKv: bool(6),
    watchId: int64(7),
    fragment: bool(8),
  },
  'etcdserverpb.WatchCreateRequest',
);
const watchCancel = message({watchId: int64(1)}, 'etcdserverpb.WatchCancelRequest');
const watchProgress = message({}, 'etcdserverpb.WatchProgressRequest');

/** One of these. */
const watchRequest = message({
  create: named('create_request', nested(1, watchCreate)),
  cancel: named('cancel_request', nested(2, watchCancel)),
  progress: named('progress_request', nested(3, watchProgress)),
});

const event = message(
  {
    type: choice(1, ['put', 'delete']),
    kv: nested(2, keyValue),
    prevKv: nested(3, keyValue),
  },
  'mvccpb.Event',
);

const watchResponse = message({
  header: nested(1, wholeHeader),
  watchId: int64(2),
  created: bool(3),
  canceled: bool(4),
  compactRevision: int64(5),
  cancelReason: text(6),
  fragment: bool(7),
  events: repeated(nested(11, event)),
});

/** A stream of watches: create and cancel some, and receive the events of all. */
export const watch = method('/etcdserverpb.Watch/Watch', watchRequest, watchResponse);

export type SentWatchRequest = Sent<typeof watchRequest>;
export type SentWatch = Sent<typeof watchCreate>;
export type SentWatchResponse = Sent<typeof watchResponse>;
export type SentEvent = Sent<typeof event>;
export type ReceivedWatchRequest = Received<typeof watchRequest>;
export type ReceivedWatch = Received<typeof watchCreate>;
export type ReceivedEvent = Received<typeof event>;
export type WatchMessage = Received<typeof watchResponse>;
