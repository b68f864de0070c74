import {compareTargets} from 'kvi-contract/fuzz';
import {type EtcdChoice, start} from './etcds.ts';
import {etcdTarget, memTarget} from './targets.ts';

/** Plays the one program of a divergence again; tells what still differs. */
export async function replay({
  releases,
  seed,
  path,
}: {
  releases: readonly EtcdChoice[];
  seed: number;
  path: string;
}): Promise<string | undefined> {
  for (const release of releases) {
    await using etcd = await start(release);
    const {divergence} = await compareTargets(memTarget(), etcdTarget(etcd), {seed, path, runs: 1});
    if (divergence) return divergence.description;
  }
  return undefined;
}
