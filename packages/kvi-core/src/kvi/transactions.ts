import type {TxnCallOptions, WriteOptions} from '../api/call-options.ts';
import {checkBoolean} from '../etcd/bad-input.ts';
import {encode, type Input} from '../etcd/bytes.ts';
import type {Bytes} from '../etcd/bytes.ts';
import type {Compare, CompareResult, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {checkTxn} from '../etcd/validate.ts';
import {type Decoder, decodeTxnResponse, encodeTxn} from './codec.ts';
import type {Handle} from './handle.ts';
import {optionNames} from './option-names.ts';

/** The methods of a handle that compare before they write. */
export function transactionMethods<T extends Input>(handle: Handle, decoder: Decoder<T>) {
  /**
   * Sends a conditional write, which may share its revision with other calls.
   *
   * @param read - reads the arguments
   */
  function send(
    callOptions: WriteOptions | undefined,
    read: () => TxnRequest<Bytes>,
  ): Promise<TxnResponse<Bytes>> {
    return handle.begin(callOptions, optionNames.write, (own) => {
      const request = read();
      checkTxn(request, handle.options);
      return handle.txn(request, {...own, mayShareRevision: true});
    });
  }

  async function tas(
    key: Input,
    test: Input | null,
    value: Input,
    callOptions?: WriteOptions,
  ): Promise<boolean> {
    const {succeeded} = await send(callOptions, () => {
      const encodedKey = encode(key, 'key');
      const compare: Compare<Bytes> =
        test === null
          ? {key: encodedKey, target: 'create', result: '=', createRevision: 0}
          : {key: encodedKey, target: 'value', result: '=', value: encode(test, 'test')};
      return {compare: [compare], success: [put(encodedKey, value, 'value')]};
    });
    return succeeded;
  }

  async function transaction(
    key: Input,
    op: CompareResult,
    value: Input,
    thenKey: Input,
    thenValue: Input,
    elseKey: Input,
    elseValue: Input,
    callOptions?: WriteOptions,
  ): Promise<boolean> {
    const {succeeded} = await send(callOptions, () => ({
      compare: [{key: encode(key, 'key'), target: 'value', result: op, value: encode(value, 'value')}],
      success: [put(encode(thenKey, 'thenKey'), thenValue, 'thenValue')],
      failure: [put(encode(elseKey, 'elseKey'), elseValue, 'elseValue')],
    }));
    return succeeded;
  }

  async function txn(request: TxnRequest<Input>, callOptions?: TxnCallOptions): Promise<TxnResponse<T>> {
    const response = await handle.begin(callOptions, optionNames.txn, (own) => {
      checkBoolean('mayShareRevision', own?.mayShareRevision);
      const encoded = encodeTxn(request);
      checkTxn(encoded, handle.options);
      return handle.txn(encoded, own);
    });
    return decodeTxnResponse(response, decoder);
  }

  return {tas, transaction, txn};
}

function put(key: Bytes, value: Input, what: string) {
  return {type: 'put' as const, key, value: encode(value, what)};
}
