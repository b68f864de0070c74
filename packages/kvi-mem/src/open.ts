import {checkOptions, createKvi, type Kvi, type KviOptions} from 'kvi-core';
import {trace, type Driver, invalidArgument} from 'kvi-core/driver';
import type {MemDriverOptions} from './mem-driver.ts';
import {isMemStore, MemStore} from './mem-store.ts';

/** The options of {@link openMemDriver}. */
export interface OpenMemDriverOptions extends MemDriverOptions {
  /** Open this store instead of the one that the URL names. */
  store?: MemStore | undefined;
}

const known: readonly string[] = Object.keys({
  store: true,
  maxBufferedEvents: true,
  maxBufferedBytes: true,
  faults: true,
  coalesce: true,
} satisfies Record<keyof OpenMemDriverOptions, true>);

/**
 * Opens a handle on an in-process store.
 *
 * @param url `mem:`, or `mem:NAME` for a separate store, with the name percent-encoded. The same URL opens the same
 *   store, which outlives its handles; see {@link MemStore.named}.
 * @throws `KVI_INVALID_ARGUMENT` for another URL or an invalid option
 */
export function openMemDriver(url = 'mem:', options: OpenMemDriverOptions = {}): Promise<Driver> {
  // Errors thrown here reject the promise.
  return new Promise((resolve) => {
    const name = storeName(url);
    const unknown = Object.keys(options).find((option) => !known.includes(option));
    if (unknown !== undefined) {
      throw invalidArgument(`unknown option ${unknown}; expected one of ${known.join(', ')}`);
    }
    const {store = MemStore.named(name), ...driverOptions} = options;
    if (!isMemStore(store)) throw invalidArgument('store must be a MemStore');
    resolve(store.driver(driverOptions));
  });
}

/** The options of {@link openMem}. */
export type OpenMemOptions = OpenMemDriverOptions & KviOptions;

/**
 * Opens an in-process store; see {@link openMemDriver}.
 *
 * ```ts
 * await using kv = await openMem();
 * await kv.store('greeting', 'hello');
 * ```
 *
 * @throws `KVI_INVALID_ARGUMENT` for another URL or an invalid option
 */
export async function openMem(url?: string, options: OpenMemOptions = {}): Promise<Kvi> {
  const {store, maxBufferedEvents, maxBufferedBytes, faults, coalesce, ...kviOptions} = options;
  checkOptions(kviOptions);
  const opening = trace('openMem', undefined, () =>
    openMemDriver(url, {store, faults, coalesce, maxBufferedEvents, maxBufferedBytes}),
  );
  return createKvi(await opening, kviOptions);
}

function storeName(url: string): string {
  const name = /^mem:([^/?#]*)$/.exec(url)?.[1];
  try {
    if (name !== undefined) return decodeURIComponent(name);
  } catch {
    // An invalid percent-encoding is an invalid URL.
  }
  // Not shown: it may hold a password that was meant for another store.
  throw invalidArgument(
    'the URL names no store in this process; expected "mem:", or "mem:NAME" with a percent-encoded name',
  );
}
