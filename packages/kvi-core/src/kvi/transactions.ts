import type {WriteOptions} from '../api/call-options.ts';
import {encode, type Input} from '../etcd/bytes.ts';
import type {Bytes} from '../etcd/bytes.ts';
import type {Compare, CompareResult, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {checkTxn} from '../etcd/validate.ts';
import {type Decoder, decodeTxnResponse, encodeTxn} from './codec.ts';
import type {Handle} from './handle.ts';

/** The methods of a handle that compare before they write. */
export function transactionMethods<T extends Input>(handle: Handle, decoder: Decoder<T>) {
  async function succeeds(request: TxnRequest<Bytes>, callOptions?: WriteOptions): Promise<boolean> {
    checkTxn(request, handle.options);
    const {succeeded} = await handle.txn(request, callOptions);
    return succeeded;
  }

  async function tas(
    key: Input,
    test: Input | null,
    value: Input,
    callOptions?: WriteOptions,
  ): Promise<boolean> {
    handle.check(callOptions);
    const encodedKey = encode(key, 'key');
    const compare: Compare<Bytes> =
      test === null
        ? {key: encodedKey, target: 'create', result: '=', createRevision: 0}
        : {key: encodedKey, target: 'value', result: '=', value: encode(test, 'value')};
    return succeeds({compare: [compare], success: [put(encodedKey, value)]}, callOptions);
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
    handle.check(callOptions);
    const request: TxnRequest<Bytes> = {
      compare: [{key: encode(key, 'key'), target: 'value', result: op, value: encode(value, 'value')}],
      success: [put(encode(thenKey, 'key'), thenValue)],
      failure: [put(encode(elseKey, 'key'), elseValue)],
    };
    return succeeds(request, callOptions);
  }

  async function txn(request: TxnRequest<Input>, callOptions?: WriteOptions): Promise<TxnResponse<T>> {
    handle.check(callOptions);
    const encoded = encodeTxn(request);
    checkTxn(encoded, handle.options);
    return decodeTxnResponse(await handle.txn(encoded, callOptions), decoder);
  }

  return {tas, transaction, txn};
}

function put(key: Bytes, value: Input) {
  return {type: 'put' as const, key, value: encode(value, 'value')};
}
