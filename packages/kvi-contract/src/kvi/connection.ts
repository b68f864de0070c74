import {createKvi, type Kvi} from 'kvi-core';
import {type Driver, eventBuffer, isKviError} from 'kvi-core/driver';
import type {CaseContext} from '../suite.ts';

/** What carries the watches of a client. */
export interface Connection {
  /** Cuts the watches off, those that are started later too. */
  disconnect: () => void;
  reconnect: () => void;
  /** How many watches were started. */
  watches: () => number;
}

/**
 * A driver whose watches can lose their connection, and then resume from the revision after the last that they
 * delivered, as a driver's do.
 */
function losesConnection(driver: Driver): {driver: Driver; connection: Connection} {
  let watches = 0;
  let online = Promise.resolve();
  let goOnline: () => void = () => undefined;
  let offline = new AbortController();

  const connection: Connection = {
    watches: () => watches,
    disconnect() {
      online = new Promise((resolve) => (goOnline = resolve));
      offline.abort();
      offline = new AbortController();
    },
    reconnect: () => goOnline(),
  };
  return {
    connection,
    driver: {
      ...driver,
      watch(request, options) {
        watches += 1;
        const ended = new AbortController();
        const buffer = eventBuffer({...options, onEnd: () => ended.abort()});
        async function run() {
          let next = request.startRevision;
          while (!buffer.ended) {
            await online;
            const watch = driver.watch({...request, startRevision: next});
            const cut = () => void watch.return();
            for (const signal of [ended.signal, offline.signal])
              signal.addEventListener('abort', cut, {once: true});
            void watch.created.then(
              (first) => {
                next ??= first;
                buffer.created(first);
              },
              () => undefined,
            );
            for await (const response of watch) {
              buffer.push(response);
              next = response.revision + 1;
            }
          }
        }
        run().catch((error: unknown) => {
          if (isKviError(error)) buffer.fail(error);
        });
        return buffer.watch;
      },
    },
  };
}

/** Runs `happen` while the handle's watches are cut off, and compacts the history of it away. */
export async function missed(
  {kv, driver, key}: Pick<CaseContext, 'kv' | 'driver' | 'key'>,
  connection: Connection,
  happen: () => Promise<unknown>,
): Promise<number> {
  connection.disconnect();
  await happen();
  // The first revision that was missed has to be before the compact revision, which can still be watched.
  await kv.store(key('~'), 'one before');
  await kv.store(key('~'), 'the last one');
  const {revision} = await kv.range(key('~'));
  await driver.compact(revision);
  connection.reconnect();
  return revision;
}

/** A client whose connection the case can cut. */
export async function breakableClient({
  open,
}: Pick<CaseContext, 'open'>): Promise<{client: Kvi; connection: Connection}> {
  const {driver, connection} = losesConnection(await open());
  return {client: createKvi(driver), connection};
}
