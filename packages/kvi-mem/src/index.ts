export {ManualClock} from './manual-clock.ts';
export {MemStore, type MemStoreOptions} from './mem-store.ts';
export type {MemDriverOptions} from './mem-driver.ts';
export {openMem, openMemDriver, type OpenMemDriverOptions, type OpenMemOptions} from './open.ts';
