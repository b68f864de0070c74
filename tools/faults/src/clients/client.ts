/** What the workload wants of a client library. */

/** What a watch calls. */
export interface WatchSink {
  /** It is in place, and delivers every change from this revision on. Called again when it missed something, and knows. */
  started(from: number): void;
  changed(key: string, value: string | undefined, revision: number): void;
  /** It ended with an error, and is being started again. */
  failed(error: unknown): void;
}

/** A lock that was taken. */
export interface HeldLock {
  /** The fencing token, where the library has one. */
  token?: number;
  /** Whether the library, asked at this moment, says that it is held. */
  isHeld(): boolean;
  /** Whether the library has told of its loss, by a signal. */
  isToldLost(): boolean;
  /** Writes a key only while the lock is held, where the library can do that. */
  guardedPut?: (key: string, value: string) => Promise<boolean>;
  /** Returns whether it was held until then. */
  release(): Promise<boolean>;
}

/** One open handle of the library under test, used as its documentation suggests. */
export interface Client {
  put(key: string, value: string): Promise<void>;
  get(key: string): Promise<string | undefined>;
  /** Test and set; with `null`, create if absent. */
  cas(key: string, test: string | null, value: string): Promise<boolean>;
  /** If `key` holds `test`, sets it to `value`, and `otherKey` to `otherValue` if not. Returns which. */
  transaction(
    key: string,
    test: string,
    value: string,
    otherKey: string,
    otherValue: string,
  ): Promise<boolean>;
  /** Watches a prefix until the client is closed. */
  watch(prefix: string, sink: WatchSink): void;
  /** Takes a lock, waiting a few seconds at most; `undefined` if it could not be had. */
  lock(name: string): Promise<HeldLock | undefined>;
  /** Keeps a key that lives no longer than this client. */
  tempKey(key: string): Promise<void>;
  /** Whether a write that failed with this error may have been applied, by the library's own account. */
  mayHaveBeenApplied(error: unknown): boolean;
  close(): Promise<void>;
}

/** Seconds that a lock or a temporary key outlives a client that is gone. */
export const ttlSeconds = 2;

/** Seconds to wait for a lock. */
export const lockWaitSeconds = 3;
