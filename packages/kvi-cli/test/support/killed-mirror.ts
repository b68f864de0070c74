import {randomUUID} from 'node:crypto';
import {runKvi} from './run-kvi.ts';
import {spawnKvi} from './spawn-kvi.ts';

/** What a mirror made of its source, though it was killed again and again. */
export interface MirrorOutcome {
  /** What `kvi diff` prints of source and target. */
  difference: string;
  /** How often a key was written on each side. */
  versions: {source: number; target: number};
}

/**
 * Writes while a mirror runs that is killed, and started again, each time while it is at work.
 *
 * @param kills - how often it is killed
 * @param seed - of what is written, and how soon it is killed
 */
export async function killMirror(url: string, kills: number, seed: number): Promise<MirrorOutcome> {
  const [source, target] = [`kvi-cli/${randomUUID()}/`, `kvi-cli/${randomUUID()}/`];
  const env = {KVI_URL: url};
  const kvi = (args: string[], input?: string) => runKvi(args, {env, input});
  const mirror = () =>
    spawnKvi(
      ['mirror', '--prefix', source, '--into', target, '--checkpoint', `${target.slice(0, -1)}!`],
      env,
    );
  const random = randomOf(seed);

  {
    // Whatever it writes from now on, it writes because of a change.
    await using first = mirror();
    await first.nextLine();
  }
  for (let round = 0; round < kills; round += 1) {
    await using killed = mirror();
    await kvi(['batch', '-'], writes(source, round, random));
    for (let line = Math.floor(random() * 8); line > 0; line -= 1) await killed.nextLine();
  }
  await using _last = mirror();
  await kvi(['store', `${source}last`, 'here']);
  await kvi(['get', `${target}last`, '--wait', '60']);
  const difference = await kvi(['diff', '--prefix', source, '--into', target]);
  const version = async (key: string) => {
    const {stdout} = await kvi(['get', key, '--json']);
    return (JSON.parse(stdout) as {version: number}).version;
  };
  return {
    difference: difference.stdout,
    versions: {source: await version(`${source}count`), target: await version(`${target}count`)},
  };
}

/** Ten changes, as lines of a batch. Each round counts once. */
function writes(prefix: string, round: number, random: () => number): string {
  const lines = Array.from({length: 9}, () => {
    const key = `${prefix}${Math.floor(random() * 20)}`;
    return random() < 0.3 ? `delete ${key}` : `store ${key} ${round}-${random()}`;
  });
  return [...lines, `store ${prefix}count ${round}`, ''].join('\n');
}

/** Numbers from 0 to 1, the same for the same seed. @see https://en.wikipedia.org/wiki/Linear_congruential_generator */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
