import type {ContractGroup} from '../suite.ts';

/** The kvi contract. */
export const kviContract: readonly ContractGroup[] = [];
