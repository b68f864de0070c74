import {type Etcd, type Release, startEtcd} from 'kvi-testbed/programs';

/** An etcd to compare with: that of a Debian release, or `own`, the one that the tests find. */
export type EtcdChoice = Release | 'own';

/** The releases that have an etcd of their own, from the oldest. */
export const releases: readonly Release[] = ['bookworm', 'trixie', 'sid'];

/** What `all` means: every release, and the one that `ETCD_BIN` names. */
export function etcds(): readonly EtcdChoice[] {
  return process.env['ETCD_BIN'] === undefined ? releases : [...releases, 'own'];
}

/** Starts it. */
export function start(choice: EtcdChoice): Promise<Etcd> {
  return startEtcd(choice === 'own' ? {} : {release: choice});
}
