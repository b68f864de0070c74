import {systemClock} from 'kvi-core/driver';

/** A connection that is watched over. */
export interface KeptAlive {
  /** How much has been received on it. */
  bytesRead: () => number;
  /** Whether somebody waits for the server. */
  isInUse: () => boolean;
  /** Has the server send something. */
  ping: () => void;
  /** Nothing arrives any more. */
  onSilence: (error: Error) => void;
}

const tickMs = 1_000;

/**
 * After how many ticks without data the server is asked for some, and when it is given up. etcd disconnects a client that
 * pings more often than every 5 s, or while it makes no call (embed.DefaultGRPCKeepAliveMinTime, PermitWithoutStream).
 */
const pingTick = 6;
const lastTick = 10;

/**
 * Notices a server that vanished, as when its machine loses power: nothing else would end the calls that wait for it.
 * Counts ticks instead of time, so that a process that was busy or stopped does not blame the server.
 *
 * @returns to be called when the connection is used again
 */
export function keepalive({bytesRead, isInUse, ping, onSilence}: KeptAlive): () => void {
  let isTicking = false;
  let received = 0;
  let silentTicks = 0;

  function begin(): void {
    if (isTicking) return;
    isTicking = true;
    received = bytesRead();
    silentTicks = 0;
    next();
  }

  function next(): void {
    systemClock.setTimer(tickMs, tick).unref();
  }

  function tick(): void {
    if (!isInUse()) {
      isTicking = false;
      return;
    }
    const before = received;
    received = bytesRead();
    silentTicks = received === before ? silentTicks + 1 : 0;
    if (silentTicks === pingTick) ping();
    if (silentTicks === lastTick) onSilence(new Error(`no data received for ${lastTick} s`));
    else next();
  }

  return begin;
}
