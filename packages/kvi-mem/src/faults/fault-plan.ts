import {type Bytes, type LeaseId, abortable} from 'kvi-core/driver';
import type {Effect} from './effects.ts';
import type {PortCall} from './port-call.ts';

/** A planned fault. */
export interface PlannedEffect {
  matches: (call: PortCall) => boolean;
  effect: Effect;
  /** How many more calls it affects; `Infinity`: all. */
  left: number;
  /** How many calls it has affected. */
  hits: number;
}

/** Whether a lease is selected, by its keys or its id. */
export type KeyMatch = (keys: readonly Bytes[], id: LeaseId) => boolean;

/** A handle that follows the plan. */
export interface PlannedHandle {
  suspendWatches(): void;
  resumeWatches(): void;
  /** Ends the selected leases among those that the handle granted. */
  loseLeases(match: KeyMatch): Promise<void>;
}

/** What happens to the calls of a handle that is cut off. */
export type PartitionMode = 'hang' | 'fail';

/** The faults planned for a group of handles. Tests use {@link Faults}. */
export class FaultPlan {
  readonly handles = new Set<PlannedHandle>();
  readonly #next: PlannedEffect[] = [];
  readonly #every: PlannedEffect[] = [];
  #partition: PartitionMode | undefined;
  #watchesAreDown = false;
  #healed = Promise.resolve();
  #heal: () => void = () => undefined;

  get partition(): PartitionMode | undefined {
    return this.#partition;
  }

  get watchesAreDown(): boolean {
    return this.#watchesAreDown;
  }

  /**
   * Plans a fault. Faults for a number of calls take precedence over those for every call; otherwise the order of planning
   * counts.
   */
  add(planned: PlannedEffect): void {
    (planned.left === Infinity ? this.#every : this.#next).push(planned);
  }

  /** The effect on this call, counted as a hit. */
  effectOn(call: PortCall): Effect | undefined {
    const planned = [...this.#next, ...this.#every].find(({left, matches}) => left > 0 && matches(call));
    if (planned === undefined) return undefined;
    planned.left -= 1;
    planned.hits += 1;
    if (planned.left === 0) this.#next.splice(this.#next.indexOf(planned), 1);
    return planned.effect;
  }

  /** Removes a fault. */
  remove(planned: PlannedEffect): void {
    planned.left = 0;
    for (const list of [this.#next, this.#every]) {
      const index = list.indexOf(planned);
      if (index >= 0) list.splice(index, 1);
    }
  }

  /** Removes all faults. */
  removeAll(): void {
    for (const planned of [...this.#next, ...this.#every]) this.remove(planned);
  }

  cutOff(mode: PartitionMode): void {
    if (this.#partition === undefined) {
      this.#healed = new Promise((resolve) => {
        this.#heal = resolve;
      });
    }
    this.#partition = mode;
    this.dropWatches();
  }

  dropWatches(): void {
    this.#watchesAreDown = true;
    for (const handle of this.handles) handle.suspendWatches();
  }

  heal(): void {
    this.#partition = undefined;
    this.#watchesAreDown = false;
    this.#heal();
    for (const handle of this.handles) handle.resumeWatches();
  }

  /** @throws what `ended` aborts with */
  async untilHealed(ended: AbortSignal): Promise<void> {
    while (this.#partition !== undefined) await abortable(this.#healed, ended);
  }
}
