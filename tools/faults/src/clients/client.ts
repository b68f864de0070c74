/** What the workload needs from a client library. */

/** What a watch calls. */
export interface WatchSink {
  /** The watch is in place and delivers every change from this revision on. Called again after a gap that it knows of. */
  started(from: number): void;
  changed(key: string, value: string | undefined, revision: number): void;
  /** The watch ended with an error and is being restarted. */
  failed(error: unknown): void;
}

/** A lock that is held, or a leadership. */
export interface HeldLock {
  /** The fencing token, if the library has one. */
  token?: number;
  /** Whether the library, asked now, says that the lock is held. */
  isHeld(): boolean;
  /** Whether the library has signalled the loss of the lock. */
  isToldLost(): boolean;
  /** Writes a key only while the lock is held, if the library can do that. */
  guardedPut?: (key: string, value: string) => Promise<boolean>;
  /** Resolves with whether it was held until then. */
  release(): Promise<boolean>;
}

/** An item of a queue that was taken. */
export interface QueueItem {
  value: string;
  /** The fencing token. */
  token: number;
  /** Whether the library has signalled its loss. */
  isToldLost(): boolean;
  /** Resolves with whether it was this client's until then. */
  ack(): Promise<boolean>;
  /** Puts it back after a delay; with 0 at once, as the end of its scope does. Resolves as `ack` does. */
  putBack(delaySeconds: number): Promise<boolean>;
}

/** How a job is added. */
export interface AddJob {
  /** Seconds before which nobody may take it. */
  delaySeconds: number;
  /** Whether it may be added again, as often as it takes, and still is one job. */
  isKnownAgain: boolean;
}

/** A queue of jobs. */
export interface JobQueue {
  /** Resolves with false if the queue is full. */
  add(value: string, how: AddJob): Promise<boolean>;
  /** Takes some jobs. Waits {@link takeWaitMs} at most, then resolves with none. */
  take(max: number): Promise<QueueItem[]>;
  /** How many jobs wait, or are to come back. */
  depth(): Promise<number>;
}

/** An open handle of the library under test, used as its documentation suggests. */
export interface Client {
  put(key: string, value: string): Promise<void>;
  get(key: string): Promise<string | undefined>;
  /** Test and set; with `null`, create if absent. */
  cas(key: string, test: string | null, value: string): Promise<boolean>;
  /** Sets `key` to `value` if it holds `test`, and `otherKey` to `otherValue` if not. Resolves with whether it did. */
  transaction(
    key: string,
    test: string,
    value: string,
    otherKey: string,
    otherValue: string,
  ): Promise<boolean>;
  /** Watches a prefix until the client is closed. */
  watch(prefix: string, sink: WatchSink): void;
  /** Takes a lock; waits {@link lockWaitSeconds} at most, then resolves with undefined. */
  lock(name: string): Promise<HeldLock | undefined>;
  /** Leads as {@link Client.lock} locks. Absent: the library has no election whose losses its leaders hear of. */
  lead?: (name: string) => Promise<HeldLock | undefined>;
  /** Absent: the library has no queue. */
  jobs?: JobQueue;
  /** Stores a key that lives no longer than this client. */
  tempKey(key: string): Promise<void>;
  /** Whether, according to the library, a write that failed with this error may have been applied. */
  mayHaveBeenApplied(error: unknown): boolean;
  close(): Promise<void>;
}

/** How many seconds a lock or a temporary key outlives its client. */
export const ttlSeconds = 2;

/** How long a client blocks its event loop when it is told to: longer than its leases live. */
export const blockedMs = 2 * ttlSeconds * 1_000;

/** Milliseconds to wait for a job. */
export const takeWaitMs = 1_000;

/** Seconds for which a job is known again once it is done: longer than a request of its producer may be on its way. */
export const knownAgainSeconds = 30;

/** Seconds to wait for a lock. */
export const lockWaitSeconds = 3;
