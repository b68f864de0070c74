import type {Bytes} from '../etcd/bytes.ts';
import type {ResponseOp, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import type {Folder, QueueLayout} from './queue-layout.ts';

/** Counts a folder in a transaction. */
export function counting(layout: QueueLayout, folder: Folder) {
  return {type: 'range', ...layout.all(folder), countOnly: true} as const;
}

export function countOf(response: ResponseOp<Bytes> | undefined): number {
  // Stryker disable next-line ConditionalExpression,StringLiteral: what is passed is the response of a range
  return response?.type === 'range' ? response.count : 0;
}

/** Reads how many jobs wait. */
export function depthRequest(layout: QueueLayout): TxnRequest<Bytes> {
  return {success: (['ready', 'hidden', 'holds/taken'] as const).map((folder) => counting(layout, folder))};
}

/** All that are not done, but those that a consumer has. */
export function depthOf({revision, responses}: TxnResponse<Bytes>): {revision: number; depth: number} {
  const [ready, hidden, taken] = responses;
  return {revision, depth: countOf(ready) + countOf(hidden) - countOf(taken)};
}
