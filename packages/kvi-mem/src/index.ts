export type {DumpedKey, DumpOptions} from './dump.ts';
export {
  type CallSelection,
  type Fault,
  type FaultChoice,
  Faults,
  type KeySelection,
  type LeaseSelection,
} from './faults/faults.ts';
export type {FaultCode} from './faults/failures.ts';
export type {PartitionMode} from './faults/fault-plan.ts';
export type {Operation, PortCall} from './faults/port-call.ts';
export {ManualClock} from './manual-clock.ts';
export {MemStore, type MemStoreOptions} from './mem-store.ts';
export type {MemDriverOptions} from './mem-driver.ts';
export {openMem, openMemDriver, type OpenMemDriverOptions, type OpenMemOptions} from './open.ts';
export {describeResources, type OpenResource} from './open-resource.ts';
export {traceResources} from './resources.ts';
export type {MemSnapshot} from './snapshot.ts';
