import type {Call} from '../grpc/call.ts';

const anyKey = Uint8Array.of(0);

/** The revision of the store, for an answer that has none of its own. */
export async function revisionNow({driver, limits}: Pick<Call, 'driver' | 'limits'>): Promise<number> {
  const {revision} = await driver.range({key: anyKey, countOnly: true, serializable: true}, limits);
  return revision;
}
