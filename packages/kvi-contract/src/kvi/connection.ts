import {createKvi, type Kvi} from 'kvi-core';
import {type Driver, eventBuffer, isKviError} from 'kvi-core/driver';
import type {CaseContext} from '../suite.ts';

/** The connection of a client's watches. */
export interface Connection {
  /** Cuts the watches off, including those started later. */
  disconnect: () => void;
  reconnect: () => void;
  /** The number of watches started. */
  watches: () => number;
}

/**
 * A driver whose watches can lose their connection. Then they resume after the last revision that they delivered, as
 * drivers do.
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

/** Runs `happen` while the handle's watches are cut off, and compacts its history. */
export async function missed(
  {kv, driver, key}: Pick<CaseContext, 'kv' | 'driver' | 'key'>,
  connection: Connection,
  happen: () => Promise<unknown>,
): Promise<number> {
  connection.disconnect();
  await happen();
  // The first missed revision has to be before the compact revision, which can still be watched.
  await kv.store(key('~'), 'one before');
  await kv.store(key('~'), 'the last one');
  const {revision} = await kv.range(key('~'));
  await driver.compact({revision});
  connection.reconnect();
  return revision;
}

/** A client whose connection a case can cut. */
export async function breakableClient({
  open,
}: Pick<CaseContext, 'open'>): Promise<{client: Kvi; connection: Connection}> {
  const {driver, connection} = losesConnection(await open());
  return {client: createKvi(driver), connection};
}
