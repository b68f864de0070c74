/** Whether calls that ran at the same time behaved as one after the other. `check.ts` says what it decides. */
export {checkHistory} from './check.ts';
export {
  type CallHistory,
  type HistoryRecorder,
  historyRecorder,
  type RecordedCall,
  type RecordedWatch,
} from './history.ts';
