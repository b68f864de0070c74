/** A linearizability checker. `check.ts` says what it checks. */
export {checkHistory} from './check.ts';
export {
  type CallHistory,
  type HistoryRecorder,
  historyRecorder,
  type RecordedCall,
  type RecordedWatch,
} from './history.ts';
export {checkUnits, type RecordedUnit, type UnitHistory, unitHistory, type UnitStep} from './units.ts';
