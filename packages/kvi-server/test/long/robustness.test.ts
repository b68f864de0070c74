// The cases of etcd's robustness tests beside an etcd that has the repairs.
import {laterRobustnessCases, progressIntervalMs, robustnessCases} from '../robustness/cases.ts';
import {describeBesideEtcd} from '../support/reference.ts';

const options = {
  etcd: {
    release: 'sid',
    args: ['--experimental-watch-progress-notify-interval', `${progressIntervalMs}ms`],
  },
  server: {limits: {progressNotifyIntervalMs: progressIntervalMs}},
} as const;

describeBesideEtcd('robustness', robustnessCases, options);
describeBesideEtcd('robustness, later', laterRobustnessCases, options);
