import type {ContractGroup} from '../suite.ts';

/** The driver contract. */
export const driverContract: readonly ContractGroup[] = [];
