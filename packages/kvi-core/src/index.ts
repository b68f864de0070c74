export {type Bytes, compareBytes, type Input, nextKey, prefixEnd} from './bytes.ts';
export {isKviError, KviError, type KviErrorCode, type KviErrorDetails} from './errors.ts';
export * from './messages.ts';
