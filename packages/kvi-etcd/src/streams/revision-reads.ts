import {backoffMs, type Bytes, isKviError, systemClock} from 'kvi-core/driver';
import {mayPass} from '../failures/kvi-errors.ts';
import type {Watch} from './watch.ts';

/** Reads the store's revision for watches, linearizably, by reading a key that they watch. */
export interface RevisionReads {
  /**
   * Reads the revision, as often as it takes; what cannot pass ends the watch. Watches that ask in one turn of the event loop
   * share a read, however many they are.
   *
   * @param tell - hears of it, unless the watch has ended
   */
  ask(watch: Watch, tell: (revision: number) => void): void;
}

interface Question {
  watch: Watch;
  tell: (revision: number) => void;
}

export function revisionReads(read: (key: Bytes, signal: AbortSignal) => Promise<number>): RevisionReads {
  /** What the read of this turn will answer. */
  let asked: Question[] = [];
  let failures = 0;
  const neverAborted = new AbortController().signal;

  function ask(watch: Watch, tell: Question['tell']): void {
    if (asked.push({watch, tell}) === 1) setImmediate(() => void answerAll());
  }

  async function answerAll(): Promise<void> {
    const questions = asked.filter(({watch}) => !watch.buffer.ended);
    asked = [];
    const [first] = questions;
    if (first === undefined) return;
    try {
      const isOnly = questions.length === 1;
      const revision = await read(first.watch.request.key, isOnly ? first.watch.over : neverAborted);
      failures = 0;
      for (const {watch, tell} of questions) if (!watch.buffer.ended) tell(revision);
    } catch (error) {
      askAgain(questions, error);
    }
  }

  function askAgain(questions: readonly Question[], error: unknown): void {
    if (mayPass(error)) {
      failures += 1;
      const askAll = () => {
        for (const {watch, tell} of questions) ask(watch, tell);
      };
      systemClock.setTimer(backoffMs(failures), askAll).unref();
    } else if (questions.length > 1 && isKviError(error, 'KVI_PERMISSION_DENIED')) {
      // Each may have rights of its own.
      for (const question of questions) void answerAlone(question);
    } else {
      for (const {watch} of questions) watch.fail(error);
    }
  }

  async function answerAlone(question: Question): Promise<void> {
    const {watch, tell} = question;
    try {
      const revision = await read(watch.request.key, watch.over);
      if (!watch.buffer.ended) tell(revision);
    } catch (error) {
      askAgain([question], error);
    }
  }

  return {ask};
}
