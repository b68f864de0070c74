/** The clients that are compared, under one interface that adds nothing but a check of the answer. */
import {CompareResult, CompareTarget, Etcd3, type ICompare, type IRequestOp} from 'etcd3';
import {open} from 'kvi';
import {openRawEtcd, withPrefix} from './raw.ts';

/** What is measured of a client. Each call resolves with whether the answer was right. */
export interface EtcdClient {
  get(key: string, expected: string): Promise<boolean>;
  store(key: string, value: string): Promise<boolean>;
  /** Sets the key if it holds `test`, which it does. */
  tas(key: string, test: string, value: string): Promise<boolean>;
  /** Sets the key if it holds `test`, which it does, and another one otherwise. */
  transaction(key: string, test: string, value: string, elseKey: string): Promise<boolean>;
  /** Reads all keys with a prefix. */
  getRange(prefix: string, expected: number): Promise<boolean>;
  delete(key: string): Promise<boolean>;
}

export async function openKviClient(url: string): Promise<EtcdClient & AsyncDisposable> {
  const kv = await open(url);
  return {
    get: (key, expected) => kv.get(key).then((value) => value === expected),
    store: (key, value) => kv.store(key, value).then(() => true),
    tas: (key, test, value) => kv.tas(key, test, value),
    transaction: (key, test, value, elseKey) => kv.transaction(key, '=', test, key, value, elseKey, value),
    getRange: (prefix, expected) => kv.getRange({prefix}).then((kvs) => kvs.length === expected),
    delete: (key) => kv.delete(key),
    [Symbol.asyncDispose]: () => kv[Symbol.asyncDispose](),
  };
}

/** npm `etcd3` as its README uses it. */
export function openEtcd3Client(url: string): EtcdClient & Disposable {
  const etcd = new Etcd3({hosts: url});
  return {
    get: (key, expected) =>
      etcd
        .get(key)
        .string()
        .then((value) => value === expected),
    store: (key, value) =>
      etcd
        .put(key)
        .value(value)
        .exec()
        .then(() => true),
    tas: (key, test, value) =>
      etcd
        .if(key, 'Value', '==', test)
        .then(etcd.put(key).value(value))
        .commit()
        .then(({succeeded}) => succeeded),
    transaction: (key, test, value, elseKey) =>
      etcd
        .if(key, 'Value', '==', test)
        .then(etcd.put(key).value(value))
        .else(etcd.put(elseKey).value(value))
        .commit()
        .then(({succeeded}) => succeeded),
    getRange: (prefix, expected) =>
      etcd
        .getAll()
        .prefix(prefix)
        .strings()
        .then((values) => Object.keys(values).length === expected),
    delete: (key) =>
      etcd
        .delete()
        .key(key)
        .exec()
        .then(({deleted}) => deleted === '1'),
    [Symbol.dispose]: () => etcd.close(),
  };
}

/** Calls on etcd's protocol with nothing around them: what gRPC for Node costs by itself. */
export function openRawClient(url: string): EtcdClient & Disposable {
  const raw = openRawEtcd(url);
  const put = (key: string, value: string): IRequestOp => ({
    request_put: {key: Buffer.from(key), value: Buffer.from(value)},
  });
  const holds = (key: string, test: string): ICompare => ({
    key: Buffer.from(key),
    target: CompareTarget.Value,
    result: CompareResult.Equal,
    value: Buffer.from(test),
  });
  return {
    get: (key, expected) =>
      raw.range({key: Buffer.from(key)}).then(({kvs}) => kvs[0]?.value.toString() === expected),
    store: (key, value) => raw.put({key: Buffer.from(key), value: Buffer.from(value)}).then(() => true),
    tas: (key, test, value) =>
      raw.txn({compare: [holds(key, test)], success: [put(key, value)]}).then(({succeeded}) => succeeded),
    transaction: (key, test, value, elseKey) =>
      raw
        .txn({compare: [holds(key, test)], success: [put(key, value)], failure: [put(elseKey, value)]})
        .then(({succeeded}) => succeeded),
    getRange: (prefix, expected) => raw.range(withPrefix(prefix)).then(({kvs}) => kvs.length === expected),
    delete: (key) => raw.deleteRange({key: Buffer.from(key)}).then(({deleted}) => deleted === '1'),
    [Symbol.dispose]: () => raw[Symbol.dispose](),
  };
}
