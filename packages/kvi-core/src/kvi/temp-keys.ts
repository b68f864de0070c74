import type {TempKey, TempKeyOptions} from '../api/temp-key.ts';
import {encode, type Input} from '../etcd/bytes.ts';
import {checkTxn} from '../etcd/validate.ts';
import type {Handle} from './handle.ts';
import {checkTtl} from './options.ts';

/** The method of a handle that makes temporary keys. */
export function tempKeyMethods(handle: Handle) {
  const {options, tempKeys} = handle;

  async function tempKey(key: Input, tempKeyOptions: TempKeyOptions = {}): Promise<TempKey> {
    handle.check(tempKeyOptions);
    const {value = '', ttlSeconds = options.ttlSeconds, ...callOptions} = tempKeyOptions;
    checkTtl(ttlSeconds);
    const request = {key: encode(key, 'key'), value: encode(value, 'value')};
    checkTxn({success: [{type: 'put', ...request}]}, options);
    return tempKeys.keep({...request, ttlSeconds}, {timeoutMs: options.timeoutMs, ...callOptions});
  }

  return {tempKey};
}
