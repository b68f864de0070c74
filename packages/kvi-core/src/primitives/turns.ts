import {Mutex} from 'async-mutex';
import {abortable} from '../async/deadline.ts';

/** What one caller of this process at a time may do, for each id, in the order in which they came. */
export interface Turns {
  /**
   * Waits for a turn.
   *
   * @returns ends it; ending it twice is fine
   * @throws the signal's reason
   */
  take(id: string, signal: AbortSignal): Promise<() => void>;
  isTaken(id: string): boolean;
}

/** Entries for unused ids are removed. */
export function localTurns(): Turns {
  const queues = new Map<string, Mutex>();

  return {
    async take(id, signal) {
      const queue = queues.get(id) ?? new Mutex();
      queues.set(id, queue);
      const turn = queue.acquire().then((release) => () => {
        release();
        // Stryker disable next-line ConditionalExpression: this only frees memory
        if (!queue.isLocked()) queues.delete(id);
      });
      try {
        return await abortable(turn, signal);
      } catch (error) {
        void turn.then((end) => {
          end();
        });
        throw error;
      }
    },
    isTaken: (id) => queues.get(id)?.isLocked() === true,
  };
}
