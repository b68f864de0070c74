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
  {
    file: 'kvi-mem/src/lessor.ts',
    line: 'if (from === to) return;',
    changes: ['from === to -> false'],
    why: 'moving a key to the lease that it has changes nothing; to leave it is only quicker',
  },
  {
    file: 'kvi-mem/src/lessor.ts',
    line: 'if (lease.owner === this.#owner) return lease;',
    changes: ['lease.owner === this.#owner -> false'],
    why: 'a copy of a lease that is owned already takes its place, and only costs more',
  },
  {
    file: 'kvi-mem/src/lessor.ts',
    line: 'if (id !== noLease && !this.#leases.has(id)) return id;',
    changes: [
      'id !== noLease && !this.#leases.has(id) -> true',
      'id !== noLease && !this.#leases.has(id) -> id !== noLease || !this.#leases.has(id)',
      'id !== noLease -> true',
    ],
    why: 'of 2 ** 63 ids no test meets the one that is none, or one that is taken',
  },
  {
    file: 'kvi-mem/src/mvcc/history.ts',
    line: 'this.#chunks.forRange(from, Infinity, false, (lastRevision, chunk) => {',
    changes: ['false -> true'],
    why: 'no revision is infinite',
  },
  {
    file: 'kvi-mem/src/mvcc/history.ts',
    line: 'return lastRevision < to ? undefined : {break: true};',
    changes: [
      'lastRevision < to -> true',
      'lastRevision < to -> lastRevision <= to',
      '{break: true} -> {}',
      'true -> false',
    ],
    why: 'later chunks have nothing of what is asked for; not to look at them is only quicker',
  },
  {
    file: 'kvi-mem/src/mvcc/interval.ts',
    line: "return end !== undefined && end !== '' && end <= start;",
    changes: ['end !== undefined -> true'],
    why: 'undefined is not before any key, which the compiler does not know',
  },
  {
    file: 'kvi-mem/src/mvcc/key-index.ts',
    line: 'if (last === undefined) return;',
    changes: ['last === undefined -> false'],
    why: 'in an index without keys there is none up to any end; the type of the map asks',
  },
  {
    file: 'kvi-mem/src/mvcc/key-index.ts',
    line: 'return last !== undefined && last.modRevision > this.#sharedUntil;',
    changes: ['last !== undefined -> true'],
    why: 'a key of the index has a version; the type of an array does not say so',
  },
  {
    file: 'kvi-mem/src/mvcc/range.ts',
    line: "else if (sortTarget !== 'key') found.sort(order);",
    changes: ["sortTarget !== 'key' -> true", '\'key\' -> ""'],
    why: 'what is in the order of keys already stays as it is; not to sort it is only quicker',
  },
  {
    file: 'kvi-mem/src/mvcc/store.ts',
    line: 'if (!previous) return;',
    changes: ['!previous -> false'],
    why: 'who deletes has found the key before, which the compiler does not see',
  },
  {
    file: 'kvi-mem/src/mvcc/store.ts',
    line: 'const superseding = this.changes(this.#compactRevision + 1, revision);',
    changes: ['this.#compactRevision + 1 -> this.#compactRevision - 1'],
    why: 'a key that is compacted again loses nothing more',
  },
  {
    file: 'kvi-mem/src/mvcc/txn.ts',
    line: "if (op.type !== 'put') continue;",
    changes: ["op.type !== 'put' -> false"],
    why: 'other operations have no lease and keep nothing; the compiler wants to know which it is',
  },
  {
    file: 'kvi-mem/src/mvcc/txn.ts',
    line: "if (op.type === 'range' && op.revision) store.checkRevision(op.revision);",
    changes: ["op.type === 'range' -> true"],
    why: 'other operations have no revision; the compiler wants to know which it is',
  },
  {
    file: 'kvi-mem/src/mvcc/txn.ts',
    line: 'const value = request.ignoreValue === true ? previous?.value : request.value && toByteString(request.value);',
    changes: ['previous?.value -> previous.value'],
    why: 'that the key exists was checked before, which the compiler does not see',
  },
  {
    file: 'kvi-mem/src/mvcc/txn.ts',
    line: 'const lease = request.ignoreLease === true ? previous?.lease : request.lease;',
    changes: ['previous?.lease -> previous.lease'],
    why: 'that the key exists was checked before, which the compiler does not see',
  },
  {
    file: 'kvi-mem/src/mvcc/txn.ts',
    line: "store.put(key, value ?? '', lease ?? noLease);",
    changes: ['\'\' -> "Stryker was here!"'],
    why: 'a put that is valid has a value, or keeps one',
  },
  {
    file: 'kvi-mem/src/mvcc/version.ts',
    line: 'let middle = high - 1;',
    changes: ['high - 1 -> high + 1'],
    why: 'where the search begins decides only how soon it ends',
  },
  {
    file: 'kvi-mem/src/mvcc/watch-hub.ts',
    line: 'if (buffer.ended) return;',
    changes: ['buffer.ended -> false'],
    why: 'a watch that has ended drops what it is given; not to read it is only quicker',
  },
  {
    file: 'kvi-mem/src/mvcc/watch-hub.ts',
    line: 'const revision = Math.min(nextRevision + catchUpRevisions - 1, store.revision);',
    changes: ['nextRevision + catchUpRevisions - 1 -> nextRevision + catchUpRevisions + 1'],
    why: 'how many revisions are given at once is for others to have their turn, and two more are no difference',
  },
  {
    file: 'kvi-mem/src/mvcc/watch-hub.ts',
    line: 'if (watcher.buffer.ended) return;',
    changes: ['watcher.buffer.ended -> false'],
    why: 'a watch that has ended drops what it is given; not to keep it only saves memory',
  },
  {
    file: 'kvi-mem/src/mvcc/watch-hub.ts',
    line: 'if (end !== undefined) {',
    changes: ['end !== undefined -> true'],
    why: 'watchers of one key are only found sooner among those of their key',
  },
  {
    file: 'kvi-mem/src/mvcc/watch-hub.ts',
    line: 'if (watchers?.size === 0) this.#byKey.delete(start);',
    changes: ['watchers?.size === 0 -> false'],
    why: 'an empty set finds no watcher; to drop it only saves memory',
  },
  {
    file: 'kvi-core/src/guarded-write.ts',
    line: "const kv = response?.type === 'range' ? response.kvs[0] : undefined;",
    changes: ['response?.type -> response.type', "response?.type === 'range' -> true"],
    why: 'the question is answered with a range where it failed, which the compiler does not see',
  },
  {
    file: 'kvi-core/src/guarded-write.ts',
    line: "if (kv === undefined) return 'unknown';",
    changes: ['kv === undefined -> false'],
    why: 'reading from nothing throws then, and what throws is no answer either',
  },
  {
    file: 'kvi-core/src/guarded-write.ts',
    line: "if (isOver || !mayPass(error) || deadline - clock.now() <= wait.duration) return 'unknown';",
    changes: ['deadline - clock.now() <= wait.duration -> deadline - clock.now() < wait.duration'],
    why: 'the wait is random, with fractions of a millisecond: the two are hardly ever equal',
  },
  {
    file: 'kvi-core/src/temp-key.ts',
    line: 'async function forget(kept: Keeper): Promise<void> {',
    changes: ['{ await kept.close().catch(() => undefined); keepers.delete(kept); } -> {}'],
    why: 'without it only memory would be kept until the handle closes, and closing twice is fine',
  },
  {
    file: 'kvi-core/src/create-kvi.ts',
    line: "return asCall('kv.tempKey', key, () =>",
    changes: ['\'kv.tempKey\' -> ""'],
    why: 'only traced calls show it, and their tests look at stacks',
  },
  {
    file: 'kvi-core/src/create-kvi.ts',
    line: "return withGuard(await asCall('kv.distLock', request.name, () => locks.lock(request)));",
    changes: ['\'kv.distLock\' -> ""'],
    why: 'only traced calls show it, and their tests look at stacks',
  },
  {
    file: 'kvi-core/src/create-kvi.ts',
    line: "return withGuard(await asCall('kv.distTimedLock', request.name, () => locks.lock(timed)));",
    changes: ['\'kv.distTimedLock\' -> ""'],
    why: 'only traced calls show it, and their tests look at stacks',
  },
  {
    file: 'kvi-core/src/create-kvi.ts',
    line: "const change = asCall('kv.watch', key, () =>",
    changes: ['\'kv.watch\' -> ""'],
    why: 'only traced calls show it, and their tests look at stacks',
  },
  {
    file: 'kvi-core/src/create-kvi.ts',
    line: "return asCall('kv.watchWithCB', key, () =>",
    changes: ['\'kv.watchWithCB\' -> ""'],
    why: 'only traced calls show it, and their tests look at stacks',
  },
  {
    file: 'kvi-core/src/create-kvi.ts',
    line: "return asCall('kv.changes', undefined, () => changes(driver, encoded, changesOptions, decode));",
    changes: ['\'kv.changes\' -> ""'],
    why: 'only traced calls show it, and their tests look at stacks',
  },
  {
    file: 'kvi-core/src/create-kvi.ts',
    line: "return response?.type === 'deleteRange' && response.deleted > 0;",
    changes: ["response?.type === 'deleteRange' -> true", 'response?.type -> response.type'],
    why: 'a transaction answers each of its operations; the type of an array does not say so',
  },
  {
    file: 'kvi-core/src/dist-lock.ts',
    line: 'if (!queue.isLocked()) queues.delete(name);',
    changes: ['!queue.isLocked() -> false'],
    why: 'it only frees memory',
  },
  {
    file: 'kvi-core/src/resync.ts',
    line: 'const {key, rangeEnd, startRevision = 0, filters = []} = request;',
    changes: ['[] -> ["Stryker was here"]'],
    why: 'it is asked only whether it holds the two filters that there are',
  },
  {
    file: 'kvi-core/src/resync.ts',
    line: 'const hasWhatIsDue = compactRevision !== undefined && compactRevision <= delivered + 1;',
    changes: ['compactRevision !== undefined -> true'],
    why: 'undefined is not less than any number; the check is for the compiler',
  },
  {
    file: 'kvi-core/src/driver/clock.ts',
    line: 'const isAnother = source !== setTimeout || sourceTime + offset < last;',
    changes: ['sourceTime + offset < last -> sourceTime + offset <= last'],
    why: 'where the two are equal, the offset stays what it is',
  },
  {
    file: 'kvi-core/src/driver/event-buffer.ts',
    line: 'if (!isCreated) {',
    changes: ['!isCreated -> true'],
    why: 'it only saves time: what has been resolved cannot be rejected',
  },
  {
    file: 'kvi-core/src/driver/event-buffer.ts',
    line: 'isCreated = true;',
    changes: ['true -> false'],
    why: 'it only saves time: what has been resolved cannot be rejected',
  },
  {
    file: 'kvi-core/src/driver/event-buffer.ts',
    line: "end(new KviError('KVI_ABORTED', 'the watch was aborted by its signal', {cause: signal?.reason}));",
    changes: ['signal?.reason -> signal.reason'],
    why: 'it is called for a signal that there is, which the compiler does not see',
  },
  {
    file: 'kvi-core/src/dist-lock.ts',
    line: 'return false;',
    changes: ['false -> true'],
    why: 'the lock was lost before, which is told whatever releasing it found',
  },
  {
    file: 'kvi-core/src/guarded-request.ts',
    line: "only !== undefined && item.type === 'txn' ? {type: 'txn', ...withoutCourse(only, item)} : item,",
    changes: ['\'txn\' -> ""'],
    why: 'the response has its type itself, which the compiler does not see',
  },
  {
    file: 'kvi-core/src/guarded-write.ts',
    line: "const session = await asCall('guards', undefined, () => openSession(driver, guardTtlSeconds, closing));",
    changes: ['\'guards\' -> ""'],
    why: 'only the leak report of a test shows it',
  },
];
