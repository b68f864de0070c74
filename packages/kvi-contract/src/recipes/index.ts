import type {ContractGroup} from '../suite.ts';
import {conflictsOfUnits} from './atomically-conflicts.ts';
import {orderOfUnits} from './atomically-order.ts';
import {unitsInTrouble} from './atomically-trouble.ts';
import {unitsOfWork} from './atomically.ts';
import {countedTogether} from './counter-together.ts';
import {counters} from './counter.ts';
import {discovery} from './discovery.ts';
import {leasesOfLeaders} from './election-lease.ts';
import {observedElections} from './election-observed.ts';
import {workOfLeaders} from './election-work.ts';
import {elections} from './election.ts';
import {exports} from './export-keys.ts';
import {imports} from './import-keys.ts';
import {linesOfImports} from './import-lines.ts';
import {writesOfImports} from './import-writes.ts';
import {eventValuesOfRanges} from './event-value-range.ts';
import {eventValuesInTrouble} from './event-value-trouble.ts';
import {eventValues} from './event-value.ts';
import {endsOfKeyHistories} from './key-history-end.ts';
import {keyHistories} from './key-history.ts';
import {rangesOfManyKeys} from './many-keys.ts';
import {memoryValues, pipes} from './memory-value.ts';
import {mirrors} from './mirror.ts';
import {namespaces} from './namespace.ts';
import {queueAttempts} from './queue-attempts.ts';
import {queueClaims} from './queue-claims.ts';
import {queueDuplicates} from './queue-dedup.ts';
import {queueDelays} from './queue-delay.ts';
import {queueInput} from './queue-input.ts';
import {queueLosses} from './queue-loss.ts';
import {queues} from './queue.ts';
import {registration} from './registration.ts';
import {lostPermits} from './semaphore-loss.ts';
import {scans} from './scan.ts';
import {semaphores} from './semaphore.ts';
import {sequences} from './sequence.ts';
import {typedChanges} from './typed-changes.ts';
import {typedUpdate} from './typed-update.ts';
import {typedViews} from './typed.ts';

/** The cases of the recipes, a group for each. */
export const recipesContract: readonly ContractGroup[] = [
  namespaces,
  typedViews,
  typedUpdate,
  typedChanges,
  unitsOfWork,
  conflictsOfUnits,
  unitsInTrouble,
  orderOfUnits,
  elections,
  leasesOfLeaders,
  observedElections,
  workOfLeaders,
  registration,
  discovery,
  eventValues,
  eventValuesOfRanges,
  eventValuesInTrouble,
  memoryValues,
  pipes,
  exports,
  imports,
  keyHistories,
  rangesOfManyKeys,
  endsOfKeyHistories,
  linesOfImports,
  writesOfImports,
  mirrors,
  queues,
  queueAttempts,
  queueClaims,
  queueDelays,
  queueDuplicates,
  queueLosses,
  queueInput,
  counters,
  countedTogether,
  sequences,
  scans,
  semaphores,
  lostPermits,
];
