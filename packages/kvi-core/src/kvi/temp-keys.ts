import type {TempKey, TempKeyOptions} from '../api/temp-key.ts';
import type {WaitOptions} from '../async/deadline.ts';
import {encode, type Input} from '../etcd/bytes.ts';
import {joinKey} from '../etcd/key-range.ts';
import {checkTxn} from '../etcd/validate.ts';
import type {TempKeyRequest} from '../primitives/temp-keys.ts';
import type {Handle} from './handle.ts';
import {optionNames} from './option-names.ts';
import {checkTtl} from './options.ts';

/** The method of a handle that makes temporary keys. */
export function tempKeyMethods(handle: Handle) {
  async function tempKey(key: Input, tempKeyOptions?: TempKeyOptions): Promise<TempKey> {
    return handle.begin(tempKeyOptions, optionNames.tempKey, (own = {}) => {
      const {request, wait} = readTempKey(handle, key, own);
      return handle.tempKeys.keep(request, wait);
    });
  }

  return {tempKey};
}

/** Reads what a caller says about a temporary key. @throws `KVI_INVALID_ARGUMENT` */
export function readTempKey(
  handle: Handle,
  key: Input,
  given: TempKeyOptions,
): {request: TempKeyRequest; wait: WaitOptions} {
  const {options} = handle;
  const {value = '', ttlSeconds = options.ttlSeconds, lease, timeoutMs = options.timeoutMs, signal} = given;
  const session = handle.lentSession(lease, given.ttlSeconds);
  checkTtl(ttlSeconds);
  const put = {key: encode(key, 'key'), value: encode(value, 'value')};
  checkTxn({success: [{type: 'put', ...put}]}, options);
  const whole = {...put, key: joinKey(handle.prefix, put.key)};
  return {request: {...whole, ttlSeconds, session}, wait: {timeoutMs, signal}};
}
