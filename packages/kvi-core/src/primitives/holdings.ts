/** What a handle has to give up before it closes: its locks, leaderships, temporary keys and leases. */
export interface Holdings {
  /** How many there are. */
  readonly size: number;
  /** @returns what to call when it is held no more */
  add(giveUp: () => Promise<unknown>): () => void;
  /** Gives up everything. Never throws. */
  giveUp(): Promise<void>;
}

/**
 * Keeps what a handle holds.
 *
 * @param hold - called with the first of them: the handle that this one is a part of closes it as long as it holds
 *   something, and need not know of it otherwise. Returns what to call when there is none any more.
 */
export function keepHoldings(hold: () => () => void = () => () => undefined): Holdings {
  const all = new Set<{giveUp: () => Promise<unknown>}>();
  let letGo: () => void = () => undefined;

  return {
    get size() {
      return all.size;
    },
    add(giveUp) {
      const holding = {giveUp};
      if (all.size === 0) letGo = hold();
      all.add(holding);
      return () => {
        if (all.delete(holding) && all.size === 0) letGo();
      };
    },
    async giveUp() {
      await Promise.allSettled(Array.from(all, (holding) => holding.giveUp()));
    },
  };
}
