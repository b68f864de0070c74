import {alternate, type Round, type Sample} from './rounds.ts';
import {type Comparison, comparePairs, median} from './statistics.ts';

/** The same work, done with kvi and with others. */
export interface Measurement {
  name: string;
  kvi: Round;
  /** By name. A unit that a peer does not measure gets no row. */
  peers: Readonly<Record<string, Round>>;
  /** Among which peers the best is marked. Default: none. */
  rivals?: readonly string[];
  /** Default `ratio`. */
  relation?: Relation;
}

/** How a row relates kvi to a peer: `kvi / peer`, or `kvi - peer`. */
export type Relation = 'ratio' | 'difference';

/** One line of the table: kvi beside one peer, by one unit. */
export interface Row {
  measurement: string;
  unit: string;
  kvi: number;
  peer: string;
  /** Whether it is the best of the rivals. */
  isBest: boolean;
  theirs: number;
  relation: Relation;
  comparison: Comparison;
}

/** What a group of measurements gets to work with. */
export interface Bench {
  /** How often to do something that a full run does `n` times: less in a quick run, and at least once. */
  times(n: number): number;
  /** Takes a measurement and keeps its rows. */
  measure(measurement: Measurement): Promise<void>;
}

/** How thorough a run is. */
export interface BenchOptions {
  rounds: number;
  /** Part of the work of a full run that is done, 1 for all of it. */
  scale: number;
  /** Called with the rows of each measurement as it ends. */
  onRows?: (rows: readonly Row[]) => void;
}

/** A bench, and the rows that it has gathered. */
export function createBench({rounds, scale, onRows}: BenchOptions): Bench & {rows: readonly Row[]} {
  const rows: Row[] = [];
  return {
    rows,
    times: (n) => Math.max(1, Math.round(n * scale)),
    async measure(measurement) {
      const {kvi, peers} = measurement;
      const [ours = [], ...theirs] = await alternate(rounds, [kvi, ...Object.values(peers)]);
      const byPeer = new Map(Object.keys(peers).map((name, index) => [name, theirs[index] ?? []]));
      const found = rowsOf(measurement, ours, byPeer);
      rows.push(...found);
      onRows?.(found);
    },
  };
}

const relate = {
  ratio: (our: number, their: number) => our / their,
  difference: (our: number, their: number) => our - their,
};

function rowsOf(
  {name, rivals = [], relation = 'ratio'}: Measurement,
  ours: readonly Sample[],
  theirs: ReadonlyMap<string, readonly Sample[]>,
): Row[] {
  return Object.keys(ours[0] ?? {}).flatMap((unit) => {
    const our = inUnit(unit, ours);
    const measured = [...theirs]
      .filter(([, samples]) => samples[0] !== undefined && unit in samples[0])
      .map(([peer, samples]) => ({peer, their: inUnit(unit, samples)}));
    const best = measured
      .filter(({peer}) => rivals.includes(peer))
      .sort((a, b) => (isMoreBetter(unit) ? 1 : -1) * (median(b.their) - median(a.their)))[0];
    return measured.map(({peer, their}) => ({
      measurement: name,
      unit,
      kvi: median(our),
      peer,
      isBest: peer === best?.peer,
      theirs: median(their),
      relation,
      comparison: comparePairs(our, their, relate[relation]),
    }));
  });
}

function inUnit(unit: string, samples: readonly Sample[]): number[] {
  return samples.map((sample) => sample[unit] ?? NaN);
}

/** Rates are better when they are higher; times, CPU and requests when they are lower. */
function isMoreBetter(unit: string): boolean {
  return unit.endsWith('/s');
}
