import type {WriteOptions} from '../api/call-options.ts';
import type {
  DeleteRangeOptions,
  GetOptions,
  GetRangeOptions,
  Keys,
  RangeOptions,
  StoreOptions,
} from '../api/keys.ts';
import {type Bytes, encode, type Input, isBytes} from '../etcd/bytes.ts';
import {invalidArgument, KviError} from '../etcd/errors.ts';
import type {DeleteRangeResponse, KeyValue, RangeRequest, RangeResponse} from '../etcd/messages.ts';
import {checkRange, checkTxn} from '../etcd/validate.ts';
import {readRange} from '../policy/pages.ts';
import {
  type Decoder,
  decodeDeleteRangeResponse,
  decodeKeyValue,
  decodeKeyValues,
  decodeRangeResponse,
  encodeKeys,
  isEmptyPrefix,
} from './codec.ts';
import type {Handle} from './handle.ts';
import {optionNames} from './option-names.ts';

/** How a call without options writes. */
const sharing = {mayShareRevision: true};

/** The methods of a handle that read and write keys. */
export function keyMethods<T extends Input>(handle: Handle, decoder: Decoder<T>) {
  const {driver, options} = handle;

  function readKey(key: Input, getOptions?: GetOptions): Promise<RangeResponse<Bytes>> {
    return handle.begin(getOptions, optionNames.get, (own) => {
      const request: RangeRequest<Bytes> = {
        key: encode(key, 'key'),
        revision: own?.revision,
        serializable: own?.serializable,
      };
      checkRange(request, options);
      return driver.range(request, own);
    });
  }

  function read(
    keys: Keys,
    end: Input | undefined,
    rangeOptions: RangeOptions | undefined,
    names: readonly string[],
  ): Promise<RangeResponse<Bytes>> {
    return handle.begin(rangeOptions, names, (own = {}) => {
      const {timeoutMs = options.timeoutMs, signal, retryPolicy, ...fields} = own;
      const request = {...fields, ...encodeKeys(keys, end)};
      checkRange(request, options);
      return readRange(driver, request, {timeoutMs, signal, retryPolicy});
    });
  }

  async function deleteRangeOf(
    keys: Keys,
    deleteOptions: DeleteRangeOptions | undefined,
    names: readonly string[],
    mayShareRevision: boolean,
  ): Promise<DeleteRangeResponse<Bytes>> {
    const {responses} = await handle.begin(deleteOptions, names, (own = {}) => {
      if (isEmptyPrefix(keys)) {
        throw invalidArgument(
          'an empty prefix would delete every key; if you mean that, pass {start: "\\0", end: "\\0"}',
        );
      }
      const {prevKv, ...callOptions} = own;
      const request = {success: [{type: 'deleteRange' as const, ...encodeKeys(keys), prevKv}]};
      checkTxn(request, options);
      return handle.txn(request, {...callOptions, mayShareRevision});
    });
    const [response] = responses;
    if (response?.type === 'deleteRange') return response;
    throw new KviError('KVI_INTERNAL', 'the response to a deletion is missing');
  }

  async function store(key: Input, value: Input, storeOptions?: StoreOptions): Promise<void> {
    await handle.begin(storeOptions, optionNames.store, (own) => {
      const put = {
        type: 'put' as const,
        key: encode(key, 'key'),
        value: encode(value, 'value'),
        lease: own?.lease,
      };
      const request = {success: [put]};
      checkTxn(request, options);
      return handle.txn(request, own === undefined ? sharing : {...own, mayShareRevision: true});
    });
  }

  async function get(key: Input, getOptions?: GetOptions): Promise<T | undefined> {
    const {kvs} = await readKey(key, getOptions);
    return kvs[0] && decoder.value(kvs[0]);
  }

  async function getKeyValue(key: Input, getOptions?: GetOptions): Promise<KeyValue<T> | undefined> {
    const {kvs} = await readKey(key, getOptions);
    return kvs[0] && decodeKeyValue(kvs[0], decoder);
  }

  async function getRange(
    keys: Keys,
    end?: Input | GetRangeOptions,
    rangeOptions?: GetRangeOptions,
  ): Promise<KeyValue<T>[]> {
    const hasEnd = end === undefined || typeof end === 'string' || isBytes(end);
    const {kvs} = hasEnd
      ? await read(keys, end, rangeOptions, optionNames.getRange)
      : await read(keys, undefined, end, optionNames.getRange);
    return decodeKeyValues(kvs, decoder);
  }

  async function range(keys: Keys, rangeOptions?: RangeOptions): Promise<RangeResponse<T>> {
    return decodeRangeResponse(await read(keys, undefined, rangeOptions, optionNames.range), decoder);
  }

  async function deleteKeys(keys: Keys, callOptions?: WriteOptions): Promise<boolean> {
    const {deleted} = await deleteRangeOf(keys, callOptions, optionNames.write, true);
    return deleted > 0;
  }

  async function deleteRange(
    keys: Keys,
    deleteOptions?: DeleteRangeOptions,
  ): Promise<DeleteRangeResponse<T>> {
    return decodeDeleteRangeResponse(
      await deleteRangeOf(keys, deleteOptions, optionNames.deleteRange, false),
      decoder,
    );
  }

  return {store, get, getKeyValue, getRange, range, delete: deleteKeys, deleteRange};
}
