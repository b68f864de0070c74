import {type Driver, KviError} from 'kvi-core/driver';

/** A driver whose transactions may be applied without an answer. */
export interface LostAnswers {
  driver: Driver;
  /** Loses the answer to one of the next transactions: of 1, to the very next. */
  loseAnswer: (count: number) => void;
}

export function lostAnswers(own: Driver): LostAnswers {
  let answers = Infinity;
  return {
    driver: {
      ...own,
      async txn(...args) {
        const response = await own.txn(...args);
        answers -= 1;
        if (answers === 0) throw new KviError('KVI_UNKNOWN_OUTCOME', 'made to fail: the answer was lost');
        return response;
      },
    },
    loseAnswer: (count) => (answers = count),
  };
}
