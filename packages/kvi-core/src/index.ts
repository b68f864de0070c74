export {type Bytes, compareBytes, type Input, nextKey, prefixEnd} from './bytes.ts';
export {createKvi} from './create-kvi.ts';
export {isKviError, KviError, type KviErrorCode, type KviErrorDetails} from './errors.ts';
export * from './kvi.ts';
export * from './messages.ts';
export type {KviOptions} from './options.ts';
export type {Limits} from './validate.ts';
