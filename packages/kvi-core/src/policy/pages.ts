import type {Bytes} from '../etcd/bytes.ts';
import {isSingleKey, nextKey} from '../etcd/key-range.ts';
import {isKviError, KviError} from '../etcd/errors.ts';
import type {PolicyDriver, PolicyCallOptions} from './policy-driver.ts';
import type {KeyValue, RangeRequest, RangeResponse} from '../etcd/messages.ts';

/** Keys in the first page. */
const firstPageKeys = 512;
/** Later pages grow until they have about this many bytes, so that neither tiny nor huge values make them unwieldy. */
const pageBytes = 2 * 1024 * 1024;

/**
 * Reads a range in pages, all at the revision of the first, so that the whole is one state of the store however large it
 * is. What etcd has to sort by something other than the key it reads as one.
 */
export async function readRange(
  driver: PolicyDriver,
  request: RangeRequest<Bytes>,
  options: PolicyCallOptions & {timeoutMs: number},
): Promise<RangeResponse<Bytes>> {
  const {clock} = driver;
  const deadline = clock.now() + options.timeoutMs;
  let pages = 0;
  const read = (page: RangeRequest<Bytes>) => {
    pages += 1;
    return driver.range(page, {...options, timeoutMs: Math.max(1, deadline - clock.now())});
  };

  if (!canBePaged(request)) return read(request);
  for (;;) {
    try {
      return await readPages(read, request);
    } catch (error) {
      // The pinned revision was compacted between two pages; a revision that the caller named stays an error.
      const pinnedHere = (request.revision ?? 0) === 0;
      if (pinnedHere && isKviError(error, 'KVI_COMPACTED')) continue;
      if (pages === 1 || !isKviError(error, 'KVI_TIMEOUT')) throw error;
      // What the last page says is about the time that was left for it.
      const message = `timed out after ${options.timeoutMs} ms, on page ${pages} of the range; read a large one with scan`;
      throw new KviError('KVI_TIMEOUT', message, {cause: error});
    }
  }
}

function canBePaged(request: RangeRequest<Bytes>): boolean {
  const {sortTarget = 'key', countOnly = false} = request;
  return !isSingleKey(request) && sortTarget === 'key' && !countOnly;
}

async function readPages(
  read: (page: RangeRequest<Bytes>) => Promise<RangeResponse<Bytes>>,
  request: RangeRequest<Bytes>,
): Promise<RangeResponse<Bytes>> {
  const wanted = (request.limit ?? 0) === 0 ? Infinity : (request.limit ?? 0);
  const readPage = (page: RangeRequest<Bytes>) =>
    read(page).catch((error: unknown) => {
      // Another member answered, which does not have the revision of the first page yet.
      if (page.serializable !== true || !isKviError(error, 'KVI_FUTURE_REVISION')) throw error;
      return read({...page, serializable: false});
    });
  const first = await read({...request, limit: Math.min(firstPageKeys, wanted)});
  const {revision, count, kvs} = first;
  // A response tells the present revision, also when it was asked for the store as it was at another.
  const pinned = (request.revision ?? 0) === 0 ? revision : request.revision;
  let page = first;
  let limit = firstPageKeys;
  while (page.more && kvs.length < wanted) {
    const last = page.kvs.at(-1);
    // Stryker disable next-line ConditionalExpression: a page with more after it is not empty
    if (last === undefined) break;
    limit = nextLimit(page.kvs, limit);
    const rest = request.sortOrder === 'descend' ? {rangeEnd: last.key} : {key: nextKey(last.key)};
    page = await readPage({
      ...request,
      ...rest,
      revision: pinned,
      limit: Math.min(limit, wanted - kvs.length),
    });
    for (const kv of page.kvs) kvs.push(kv);
  }
  return {revision, kvs, more: page.more, count};
}

/** How many keys the next page may have, after one with these. */
export function nextLimit(kvs: readonly KeyValue<Bytes>[], limit: number): number {
  const bytes = kvs.reduce((sum, kv) => sum + kv.key.length + kv.value.length, 0);
  // Stryker disable next-line EqualityOperator: if the two are equal, so are both results
  return bytes * 2 <= pageBytes ? limit * 2 : Math.max(1, Math.floor((limit * pageBytes) / bytes));
}
