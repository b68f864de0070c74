/** Twins that compare the value of a key that does not exist. */
import type {Bytes, Compare, Driver, RequestOp, TxnRequest, TxnResponse} from 'kvi-core/driver';
import type {Drift} from './drift.ts';

type ValueCompare = Extract<Compare<Bytes>, {target: 'value'}>;

/** A driver on which `holdsWhenAbsent` decides whether a compare of an absent key's value holds. */
function decidingAbsent(driver: Driver, holdsWhenAbsent: (compare: ValueCompare) => boolean): Driver {
  /** Nests the request once for each value compare: if the key is absent, the drift decides; if not, the compare does. */
  function rewrite(request: TxnRequest<Bytes>, decided: readonly Compare<Bytes>[]): TxnRequest<Bytes> {
    const [compare, ...rest] = request.compare ?? [];
    if (compare === undefined) return {...request, compare: decided};
    if (compare.target !== 'value') return rewrite({...request, compare: rest}, [...decided, compare]);
    const {key} = compare;
    const absent: Compare<Bytes> = {key, target: 'create', result: '=', createRevision: 0};
    const never: Compare<Bytes> = {key, target: 'version', result: '<', version: 0};
    const whenAbsent = holdsWhenAbsent(compare) ? decided : [...decided, never];
    return {
      compare: [absent],
      success: [nested(rewrite({...request, compare: rest}, whenAbsent))],
      failure: [nested(rewrite({...request, compare: rest}, [...decided, compare]))],
    };
  }

  function unwrap(response: TxnResponse<Bytes>, levels: number): TxnResponse<Bytes> {
    const [inner] = response.responses;
    return levels === 0 || inner?.type !== 'txn' ? response : unwrap(inner, levels - 1);
  }

  return {
    ...driver,
    async txn(request, options) {
      const levels = (request.compare ?? []).filter(({target}) => target === 'value').length;
      return unwrap(await driver.txn(rewrite(request, []), options), levels);
    },
  };
}

function nested(request: TxnRequest<Bytes>): RequestOp<Bytes> {
  return {type: 'txn', ...request};
}

export const testAndSetOfAbsent: Drift = {
  title: 'test-and-set on a missing key sets it and returns true',
  etcd: 'a compare of the value of a missing key is false: returns false, writes nothing',
  caughtBy: ['kvi: tas › on an absent key it is false', 'driver: a compare › of the value of an absent key'],
  driver: (driver) => decidingAbsent(driver, ({result}) => result === '='),
};

export const absentAsEmpty: Drift = {
  title: 'a transaction treats a missing key as `""`: `!= x`, `< x` and `= ""` hold',
  etcd: 'every compare of its value is false: the else branch',
  caughtBy: [
    'kvi: transaction › on an absent key every comparison is false',
    'driver: a compare › of the value of an absent key',
  ],
  driver: (driver) =>
    decidingAbsent(driver, ({result, value}) =>
      value.length === 0 ? result === '=' : result === '!=' || result === '<',
    ),
};

const operators: readonly string[] = ['=', '!=', '<', '>'];

export const unknownOperator: Drift = {
  title: 'an unknown operator takes the else branch, without an error',
  etcd: 'its client panics; kvi refuses it before anything is sent',
  caughtBy: ['kvi: transaction › an unknown operator is refused'],
  kvi: (kvi) => ({
    ...kvi,
    async transaction(key, op, value, thenKey, thenValue, elseKey, elseValue, options) {
      if (operators.includes(op))
        return kvi.transaction(key, op, value, thenKey, thenValue, elseKey, elseValue, options);
      await kvi.store(elseKey, elseValue, options);
      return false;
    },
  }),
};
