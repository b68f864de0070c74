import {randomBytes} from 'node:crypto';

/** A lease id as etcdctl prints it and as lock keys hold it: lower-case hexadecimal, without leading zeros. */
export type LeaseId = string;

/** The lease of a key that has none. */
export const noLease: LeaseId = '0';

/** Whether this is lower-case hexadecimal of at most 63 bits, without leading zeros. */
export function isLeaseId(id: unknown): id is LeaseId {
  return typeof id === 'string' && /^(0|[1-9a-f][0-9a-f]{0,14}|[1-7][0-9a-f]{15})$/.test(id);
}

/** 63 random bits, as etcd's own ids; never {@link noLease}. */
export function randomLeaseId(): LeaseId {
  const bytes = randomBytes(8);
  bytes.writeUInt8(bytes.readUInt8(0) & 0x7f, 0);
  return bytes.toString('hex').replace(/^0+/, '') || randomLeaseId();
}

/** No id is longer. */
export const maxLeaseId: LeaseId = `7${'f'.repeat(15)}`;
