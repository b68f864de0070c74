import {
  type Bytes,
  type Driver,
  type DriverWatch,
  isKviError,
  type KviErrorCode,
  type WatchRequest,
  type WatchResponse,
} from 'kvi-core/driver';
import type {ModelRequest, ModelResponse, ModelResponses, RequestType} from '../model/index.ts';

/** A call and its outcome. */
export interface RecordedCall {
  /** The client. */
  client: string;
  request: ModelRequest;
  /** When it started, in any unit that is the same for all calls. */
  start: number;
  /** When its outcome was known; Infinity if it never was. */
  end: number;
  /** `unknown`: it may have been applied at any time since its start, or not. */
  outcome: ModelResponse | 'unknown';
}

/** A watch and what it delivered. */
export interface RecordedWatch {
  client: string;
  request: WatchRequest<Bytes>;
  /** The revision of `created`, and when it resolved; absent if it never did. */
  created?: {startRevision: number; time: number};
  /** In the order in which they were read. */
  responses: WatchResponse<Bytes>[];
}

/** A history of a store: every write, and the reads and watches to check. */
export interface CallHistory {
  calls: RecordedCall[];
  watches: RecordedWatch[];
}

/** Records the calls and watches of drivers. */
export interface HistoryRecorder {
  readonly history: CallHistory;
  /** Wraps a driver. Its calls and watches are recorded under this name. */
  record: (driver: Driver, client: string) => Driver;
}

/** The errors of the model. Other errors tell nothing about the state of the store. */
const answers: readonly KviErrorCode[] = [
  'KVI_COMPACTED',
  'KVI_FUTURE_REVISION',
  'KVI_KEY_NOT_FOUND',
  'KVI_LEASE_EXISTS',
  'KVI_LEASE_NOT_FOUND',
];

/**
 * Creates a recorder with an empty history. Its times are a counter of events, which gives their exact order in one
 * process.
 */
export function historyRecorder(): HistoryRecorder {
  const history: CallHistory = {calls: [], watches: []};
  let time = 0;
  const tick = () => (time += 1);

  function record(driver: Driver, client: string): Driver {
    async function call<R extends ModelResponses[RequestType]>(
      request: ModelRequest,
      makeCall: () => Promise<R>,
    ): Promise<R> {
      const entry: RecordedCall = {client, request, start: tick(), end: Infinity, outcome: 'unknown'};
      history.calls.push(entry);
      try {
        const value = await makeCall();
        entry.outcome = {ok: true, value};
        entry.end = tick();
        return value;
      } catch (error) {
        if (isKviError(error, ...answers)) {
          entry.outcome = {ok: false, code: error.code};
          entry.end = tick();
        } else if (isKviError(error) && error.code !== 'KVI_UNKNOWN_OUTCOME') {
          // All other codes promise that nothing was changed.
          history.calls.splice(history.calls.indexOf(entry), 1);
        }
        throw error;
      }
    }

    function watch(request: WatchRequest<Bytes>, original: DriverWatch): DriverWatch {
      const entry: RecordedWatch = {client, request, responses: []};
      history.watches.push(entry);
      const created = original.created.then((startRevision) => {
        entry.created = {startRevision, time: tick()};
        return startRevision;
      });
      created.catch(() => undefined);
      const recorded: DriverWatch = {
        created,
        async next() {
          const result = await original.next();
          if (result.done !== true) entry.responses.push(result.value);
          return result;
        },
        requestProgress: () => original.requestProgress(),
        return: () => original.return(),
        [Symbol.asyncIterator]: () => recorded,
      };
      return recorded;
    }

    return {
      clock: driver.clock,
      range: (request, options) => call({type: 'range', ...request}, () => driver.range(request, options)),
      txn: (request, options) => call({type: 'txn', ...request}, () => driver.txn(request, options)),
      compact: (request, options) =>
        call({type: 'compact', ...request}, () => driver.compact(request, options)),
      leaseGrant: (request, options) => {
        const asked = {type: 'leaseGrant' as const, ...request};
        return call(asked, async () => {
          const granted = await driver.leaseGrant(request, options);
          // The model has to grant the id that the backend chose.
          asked.id = granted.id;
          return granted;
        });
      },
      leaseRevoke: (id, options) => call({type: 'leaseRevoke', id}, () => driver.leaseRevoke(id, options)),
      leaseKeepAlive: (id, options) =>
        call({type: 'leaseKeepAlive', id}, () => driver.leaseKeepAlive(id, options)),
      leaseTimeToLive: (request, options) =>
        call({type: 'leaseTimeToLive', ...request}, () => driver.leaseTimeToLive(request, options)),
      leaseLeases: (options) => call({type: 'leaseLeases'}, () => driver.leaseLeases(options)),
      status: (options) => driver.status(options),
      watch: (request, options) => watch(request, driver.watch(request, options)),
      close: () => driver.close(),
    };
  }

  return {history, record};
}
