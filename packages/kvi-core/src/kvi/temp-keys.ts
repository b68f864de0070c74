import type {TempKey, TempKeyOptions} from '../api/temp-key.ts';
import {encode, type Input} from '../etcd/bytes.ts';
import {joinKey} from '../etcd/key-range.ts';
import {checkTxn} from '../etcd/validate.ts';
import type {Handle} from './handle.ts';
import {optionNames} from './option-names.ts';
import {checkTtl} from './options.ts';

/** The method of a handle that makes temporary keys. */
export function tempKeyMethods(handle: Handle) {
  const {options, tempKeys} = handle;

  async function tempKey(key: Input, tempKeyOptions?: TempKeyOptions): Promise<TempKey> {
    return handle.begin(tempKeyOptions, optionNames.tempKey, (own = {}) => {
      const {value = '', ttlSeconds = options.ttlSeconds, lease, ...callOptions} = own;
      const session = handle.lentSession(lease, own.ttlSeconds);
      checkTtl(ttlSeconds);
      const request = {key: encode(key, 'key'), value: encode(value, 'value')};
      checkTxn({success: [{type: 'put', ...request}]}, options);
      const shared = {...request, key: joinKey(handle.prefix, request.key), ttlSeconds, session};
      return tempKeys.keep(shared, {timeoutMs: options.timeoutMs, ...callOptions});
    });
  }

  return {tempKey};
}
