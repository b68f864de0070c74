/** Survivors that no test can or should notice, each with the reason. */
export interface Explanation {
  /** The file, within `packages/`. */
  file: string;
  /** The line of the source, without what is around it. */
  line: string;
  /** `original -> replacement`, as the report prints it. */
  changes: readonly string[];
  /** Why nobody can notice, or need not. */
  why: string;
}

export const explained: readonly Explanation[] = [
  {
    file: 'kvi-core/src/mutex.ts',
    line: 'const isFirst = found(responses[1])?.createRevision === createRevision;',
    changes: ['found(responses[1])?.createRevision -> found(responses[1]).createRevision'],
    why: 'the range always finds a key: at least that of the contender itself',
  },
  {
    file: 'kvi-core/src/mutex.ts',
    line: "return response?.type === 'range' ? response.kvs[0] : undefined;",
    changes: ['response?.type -> response.type'],
    why: 'a transaction answers each of its operations; the type of an array does not say so',
  },
  {
    file: 'kvi-core/src/mutex.ts',
    line: '`the place in the queue for ${JSON.stringify(name)} was lost`,',
    changes: ['`the place in the queue for ${JSON.stringify(name)} was lost` -> ``'],
    why: 'nobody is told: who waits queues up again',
  },
  {
    file: 'kvi-core/src/within.ts',
    line: 'const ignoreClosing = onAbort(closing, () => ended.abort(closing?.reason));',
    changes: ['closing?.reason -> closing.reason'],
    why: 'the listener is called for a signal that there is, which the compiler does not see',
  },
  {
    file: 'kvi-core/src/within.ts',
    line: 'ignoreSignal?.();',
    changes: ['ignoreSignal?.() -> ignoreSignal()'],
    why: 'it is set by then, which the compiler does not see',
  },
  {
    file: 'kvi-core/src/pages.ts',
    line: 'if (last === undefined) break;',
    changes: ['last === undefined -> false'],
    why: 'a page that says that there is more has a key; the type of an array does not say so',
  },
  {
    file: 'kvi-core/src/pages.ts',
    line: 'return bytes * 2 <= pageBytes ? limit * 2 : Math.max(1, Math.floor((limit * pageBytes) / bytes));',
    changes: ['bytes * 2 <= pageBytes -> bytes * 2 < pageBytes'],
    why: 'where the two are equal, both sides of the colon are the same number',
  },
];
