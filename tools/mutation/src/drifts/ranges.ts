/** Twins that read ranges wrongly. */
import type {GetRangeOptions, Input, Keys} from 'kvi-core';
import {
  type Bytes,
  compareBytes,
  type Driver,
  endOfKeyspace,
  isBytes,
  nextKey,
  type RangeRequest,
} from 'kvi-core/driver';
import type {Drift} from './drift.ts';

function isToTheEnd({rangeEnd}: RangeRequest<Bytes>): boolean {
  return rangeEnd !== undefined && compareBytes(rangeEnd, endOfKeyspace) === 0;
}

function reading(driver: Driver, rewrite: (request: RangeRequest<Bytes>) => RangeRequest<Bytes>): Driver {
  return {...driver, range: (request, options) => driver.range(rewrite(request), options)};
}

export const includedEnd: Drift = {
  title: 'a range includes its end',
  etcd: 'excludes it',
  caughtBy: ['kvi: getRange › a range is half-open', 'driver: a range › with an end is half-open'],
  driver: (driver) =>
    reading(driver, (request) => {
      const {rangeEnd} = request;
      if (rangeEnd === undefined || rangeEnd.length === 0 || isToTheEnd(request)) return request;
      return {...request, rangeEnd: nextKey(rangeEnd)};
    }),
};

export const anyOrder: Drift = {
  title: 'a range comes in random order',
  etcd: 'ascending by key',
  caughtBy: [
    'kvi: getRange › a range is half-open and ascending',
    'driver: a range › with an end is half-open',
  ],
  driver: (driver) => ({
    ...driver,
    async range(request, options) {
      const response = await driver.range(request, options);
      return request.sortOrder === undefined ? {...response, kvs: response.kvs.toReversed()} : response;
    },
  }),
};

/** An empty range: its end is not after its start. */
const noKeys = {key: Uint8Array.of(1), rangeEnd: Uint8Array.of(1)};

export const literalEnds: Drift = {
  title: 'an end of `""` yields nothing; an end of `"\\0"` and a start of `""` are taken literally',
  etcd: '`""`: that key only; `"\\0"`: all keys from the start on; an empty start is refused',
  caughtBy: [
    'kvi: getRange › without an end, or with an empty one',
    'kvi: getRange › an end of "\\0"',
    'kvi: bad input › an empty key is refused',
  ],
  driver: (driver) =>
    reading(driver, (request) => {
      const isLiteral = request.rangeEnd?.length === 0 || isToTheEnd(request);
      return isLiteral ? {...request, ...noKeys} : request;
    }),
  kvi: (kvi) => ({
    ...kvi,
    getRange(keys: Keys, end?: Input | GetRangeOptions, options?: GetRangeOptions) {
      const start = keys === '' ? '\0' : keys;
      const hasEnd = typeof end === 'string' || isBytes(end);
      return hasEnd ? kvi.getRange(asInput(start), end, options) : kvi.getRange(start, end);
    },
  }),
};

function asInput(keys: Keys): Input {
  if (typeof keys === 'string' || isBytes(keys)) return keys;
  throw new Error('an end was given beside an object that names a range');
}
